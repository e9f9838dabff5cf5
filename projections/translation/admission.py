"""Whether a change is let through: what it may not lack, and that it doesn't come again."""

from domain.changes import Change
from domain.failures import Unusable
from projections.translation.partition import PartitionState
from projections.translation.policy import AbsentColumn, Policy, absence

_TAKE_IN_AGAIN = (
    "Put the column back, take the row in again (catalog recapture TABLE ID) and discard this"
)
_START_AGAIN = (
    "Put the column back or set CATALOG_TRANSLATE__ABSENT_COLUMN (park, or null if it was dropped"
    " on purpose), then start translation again; see docs/how-to/mishaps.md"
)


class TopicStopped(Exception):
    """A record that may neither be passed nor parked: its topic is read no more. `str()` says why,
    and what to do."""


class Admission:
    """Judges the changes of one partition, in order."""

    __slots__ = ("_columns", "_is_duplicate", "_policy")

    def __init__(self, state: PartitionState, policy: Policy) -> None:
        self._columns = state.columns
        self._is_duplicate = state.duplicates.is_duplicate
        self._policy = policy

    def admits(self, change: Change) -> bool:
        """Whether to translate it; False for one that capture sent again.

        Raises TopicStopped before anything is remembered of the change, Unusable.
        """
        gone: list[str] = []
        if change.absent or not self._columns.is_whole:
            gone = self._vanished(change)
        if self._is_duplicate(change):
            return False
        if gone:
            raise Unusable(f"{absence(change.table, gone)}. {_TAKE_IN_AGAIN}")
        return True

    def _vanished(self, change: Change) -> list[str]:
        """The columns that this change lacks without truth; else what it carries is noted."""
        if change.after is None:
            return []
        gone = self._columns.vanished(change)
        if not gone or self._policy.absent_column is AbsentColumn.NULL:
            self._columns.note(change)
            return []
        if self._policy.absent_column is AbsentColumn.STOP:
            raise TopicStopped(f"{absence(change.table, gone)}. {_START_AGAIN}")
        return gone

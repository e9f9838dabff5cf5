"""Whether a change is let through: what it may not lack, and that it doesn't come again."""

import logging

from domain.changes import Change
from domain.failures import Unusable
from domain.translation.deduplication import Verdict
from projections.translation.earlier import EarlierChanges
from projections.translation.partition import PartitionState
from projections.translation.policy import AbsentColumn, Policy, absence

log = logging.getLogger(__name__)

_ANEW = (
    "%s/%d/%d: the source's log began anew at %s (restored or failed over?): this is no repeat of"
    " what was captured before. `catalog audit %s` says whether anything was lost"
)
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

    __slots__ = ("_columns", "_judge", "_policy", "_was_captured")

    def __init__(self, state: PartitionState, policy: Policy, earlier: EarlierChanges) -> None:
        self._columns = state.columns
        self._judge = state.duplicates.judge
        self._policy = policy
        self._was_captured = earlier.holds

    def admits(self, change: Change) -> bool:
        """Whether to translate it; False for one that capture sent again.

        Raises TopicStopped or Unavailable before anything is remembered of the change, Unusable.
        """
        gone: list[str] = []
        if change.absent or not self._columns.is_whole:
            gone = self._vanished(change)
        verdict = self._judge(change, self._was_captured)
        if verdict is not Verdict.NEW:
            if verdict is Verdict.REPEAT:
                return False
            log.warning(_ANEW, *change.coordinates, change.position, change.table)
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

"""Observes what becomes of changes, and says what their events carry on: traces."""

from typing import Protocol

from domain.changes import Change
from projections.ports.change_log import ChangeBatch
from projections.ports.dead_letters import Headers


class TranslationObserver(Protocol):
    """Follows changes through translation. Used from one thread; raises nothing."""

    def begin(self, batch: ChangeBatch, index: int, change: Change, events: int) -> Headers | None:
        """The record at an index of a batch became so many events: the headers that they carry,
        None where it isn't followed."""
        ...

    def committed(self) -> None:
        """The transaction of all changes begun is committed."""
        ...

    def aborted(self) -> None:
        """The transaction is aborted: its changes will be read again."""
        ...

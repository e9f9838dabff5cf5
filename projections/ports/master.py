"""The master catalog as an audit reads it: rows, as capture would send them.

The audit compares what the master holds with what the event log says of it. So a row comes in the
form of a captured record, and goes through the same reader and translation as every change.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class MasterRow:
    """One row of a master table, as a snapshot of capture would send it."""

    id: str
    key: bytes
    value: bytes


class MasterSnapshot(Protocol):
    """The master at one instant: whatever is read through it was so at the same time."""

    def rows(self, table: str) -> Iterator[Sequence[MasterRow]]:
        """All rows of a table in batches, in no order; memory stays flat."""
        ...

    def rows_of(self, table: str, ids: Sequence[str]) -> Iterator[Sequence[MasterRow]]:
        """The rows with these ids, as far as there are any."""
        ...


class Master(Protocol):
    """The master catalog. Every method raises Unavailable when the database is away."""

    def snapshot(self) -> AbstractContextManager[MasterSnapshot]:
        """Look at the master as it is now, until the context ends."""
        ...

    def await_log(self) -> None:
        """Return once the event log holds every commit that the master had made when this was
        called, except those whose records are parked.

        Raises Unavailable where that takes longer than the implementation waits.
        """
        ...

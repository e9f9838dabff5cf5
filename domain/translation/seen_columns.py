"""Which columns a change partition's records have carried: absent is not null.

A record of history, written before a column was added to the master, lacks it truthfully: no
record before it in its partition has it. A record that lacks what an earlier one carried speaks of
a column that was renamed or dropped, and to take that for null would empty the field of every row
that is touched. All records of a row are in one partition, in order, so what a partition carried
before is what its rows may lose. (A partition without any record yet can only get new rows; that
the master lacks a column is told by the guard on the master itself.)

The columns move with the position of the partition, in the same transaction, so reading a topic
again from its beginning judges each record as the first time.
"""

from collections.abc import Iterable

from domain.changes import Change


class SeenColumns:
    """The columns of one partition's records so far."""

    __slots__ = ("_names", "is_whole")

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = set(names)
        self.is_whole = False
        """Whether the last record noted lacked nothing: then the next one that lacks nothing need
        not be noted."""

    def vanished(self, change: Change) -> list[str]:
        """The columns that this record lacks, but earlier ones carried; sorted."""
        return sorted(self._names & change.absent)

    def note(self, change: Change) -> None:
        """A record whose row after is known was passed."""
        if change.after is not None:
            self._names.update(change.after.keys() - change.absent)
            self.is_whole = not change.absent

    def to_text(self) -> str:
        """The names, in ASCII without spaces."""
        return ",".join(sorted(self._names))

    @classmethod
    def from_text(cls, text: str) -> "SeenColumns":
        """What `to_text` wrote."""
        return cls(filter(None, text.split(",")))

"""One change of one master row, as capture reports it, whatever connector and encoding it came by.

Adapters read records into this shape; translation turns it into events. Column values are already
of their Python types (text, int, float, bool, date, UTC datetime, Decimal, lists and mappings).
"""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import NamedTuple

Row = Mapping[str, object]


class Operation(Enum):
    """What happened to the row."""

    READ = "read"
    """Seen by a snapshot: it may be new or long known."""
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


class Omitted(Enum):
    """Marks a value that capture did not send because it did not change (TOAST)."""

    UNCHANGED = "unchanged"


UNCHANGED = Omitted.UNCHANGED


class Coordinates(NamedTuple):
    """Where a record stands in Kafka."""

    topic: str
    partition: int
    offset: int


class Change(NamedTuple):
    """One change of one row of one master table.

    A tuple, since one is made of every record and a frozen dataclass takes three times as long.
    """

    table: str
    """Table name without schema or database: `track`."""
    operation: Operation
    key: Row
    """The primary key's columns."""
    before: Row | None
    """The row before, as far as known; under REPLICA IDENTITY DEFAULT only its key is trusted."""
    after: Row | None
    """The row after; None for a delete. May hold `UNCHANGED`."""
    coordinates: Coordinates
    position: str
    """Source position that only grows within a partition while capture does not repeat itself."""
    transaction: str | None
    committed_at: datetime | None
    """UTC."""
    absent: frozenset[str] = frozenset()
    """Columns that the record lacks; None stands for them in the row after."""

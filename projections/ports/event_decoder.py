"""Turns records of the event topics into columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from projections.ports.event_log import RecordBatch


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that could not be used, with its bytes."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    reason: str


@dataclass(frozen=True)
class Decoded:
    """The events of some batches, as columns."""

    frames: dict[str, pl.DataFrame]
    """Event name (`TrackAdded`) → the event's fields (`origin` as a struct) that were asked for,
    `_partition` (i32) and `_offset` (i64); rows in (partition, offset) order; columns as the
    reader's schema has them."""
    undecodable: list[BadRecord]


def and_origin(fields: frozenset[str] | None) -> frozenset[str] | None:
    """What to ask a decoder for by one that looks at where events come from itself."""
    return None if fields is None else fields | {"origin"}


class EventDecoder(Protocol):
    """Turns records into columns by their writer's schema."""

    def decode(self, batch: Sequence[RecordBatch], fields: frozenset[str] | None = None) -> Decoded:
        """Decode all records. A bad one is isolated: it never spoils or shifts its neighbours.

        With `fields`, others needn't be decoded. Whatever the bytes, only Unavailable is raised:
        while the schemas can't be asked for.
        """
        ...

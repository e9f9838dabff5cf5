"""What the projection engine needs of the outside: an event log, a decoder and a read database.

Adapters implement these protocols and `adapters/wiring.py` connects them; the engine knows no
driver, so the same code runs over in-memory implementations in the property tests. The shapes of
the read database's side are in `projections/store.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import polars as pl

TopicPartition = tuple[str, int]
"""Topic name and partition number."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a partition holds."""

    first: int
    """Offset of the oldest record that is still there; 0 while history is whole."""
    end: int
    """The next offset to be written, as far as `read_committed` readers may read."""


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Raw records of one topic and partition, in offset order. Offsets may have gaps."""

    topic: str
    partition: int
    offsets: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    next_offset: int
    """Position after the batch: at least the last offset + 1; more where transaction markers or
    aborted records follow. A batch without records can move the position too."""

    def __len__(self) -> int:
        return len(self.offsets)


class Subscription(Protocol):
    """Membership of a consumer group. Used from one thread; callbacks run inside `poll`."""

    def poll(self, timeout: float) -> list[RecordBatch]:
        """Return what is there, up to the implementation's size bound; wait at most `timeout`
        seconds for a first record. Several batches may be of one partition, in order."""
        ...

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """Go on from these positions. Partitions that are not assigned (any more) are ignored."""
        ...

    def note_progress(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit group offsets, for monitoring only: nothing ever starts from them."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...


class EventLog(Protocol):
    """The event topics: the truth."""

    def bounds(self, topics: Sequence[str]) -> dict[TopicPartition, Bounds]:
        """Bounds of every partition of `topics`. A topic that does not exist is an error."""
        ...

    def violations(self, topics: Sequence[str]) -> list[str]:
        """Why history is not whole, a sentence each: retention not infinite, history that no
        longer starts at 0. Empty when all is well."""
        ...

    def replay(
        self, positions: Mapping[TopicPartition, int], until: Mapping[TopicPartition, int]
    ) -> Iterator[list[RecordBatch]]:
        """Read the partitions of `until` from `positions` (absent: 0) on, assigned by hand.

        Ends when every position has reached `until`. A batch may run past it: callers cut.
        """
        ...

    def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        on_assign: Callable[[Sequence[TopicPartition]], Mapping[TopicPartition, int]],
        on_lost: Callable[[Sequence[TopicPartition]], None],
    ) -> Subscription:
        """Join a consumer group. `on_assign` gets newly assigned partitions and returns where
        to start in each; `on_lost` gets those that were revoked or lost."""
        ...


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

        With `fields`, others needn't be decoded.
        """
        ...


class Spool(Protocol):
    """Rows of one shape on their way, put aside on a disk. Gone with its process."""

    def add(self, frame: pl.DataFrame) -> None:
        """Put a frame behind those that are there."""
        ...

    def read(self) -> Iterator[pl.DataFrame]:
        """All rows, in order, in frames that may be cut elsewhere."""
        ...

    def close(self) -> None:
        """Give the room back."""
        ...


class Stage(StrEnum):
    """Where in the chain a record was parked."""

    TRANSLATE = "translate"
    PROJECT = "project"


Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A parked record with all that is needed to try it again."""

    number: int
    stage: Stage
    read_model: str
    """Empty at the translate stage, which comes before all read models."""
    generation: int
    """0 at the translate stage, which has no generations."""
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    reason: str
    parked_at: datetime
    attempts: int


class DeadLetters(Protocol):
    """Parked records: never lost, in order a key."""

    def park(
        self,
        stage: Stage,
        topic: str,
        partition: int,
        offset: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | None,
        reason: str,
    ) -> None:
        """Park one record, durably before this returns; parking it again changes nothing."""
        ...

    def first_parked(self, stage: Stage, topic: str, key: bytes) -> int | None:
        """Offset of the first parked record of this key; all records of a key are in one
        partition."""
        ...

    def parked_keys(self, stage: Stage, topic: str) -> set[bytes]:
        """Keys that have parked records."""
        ...

    def list(
        self,
        stage: Stage | None = None,
        topic: str | None = None,
        key: bytes | None = None,
        limit: int | None = None,
    ) -> list[DeadLetter]:
        """Letters in the order (stage, topic, partition, offset); of the project stage only those
        of the live generation."""
        ...

    def show(self, number: int) -> DeadLetter:
        """One letter. Raises KeyError."""
        ...

    def discard(self, numbers: Sequence[int]) -> int:
        """Forget letters, on purpose or because they were dealt with; returns how many."""
        ...

    def note_failure(self, number: int, reason: str) -> None:
        """A retry failed: count it and keep the newest reason."""
        ...

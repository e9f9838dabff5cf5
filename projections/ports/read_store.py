"""Rows and checkpoints of one read model, which move together in one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from domain.failures import Unavailable, Unusable
from projections.ports.event_decoder import BadRecord
from projections.ports.event_log import TopicPartition
from projections.ports.generations import Generation


@dataclass(frozen=True, slots=True)
class Move:
    """A checkpoint's step; it succeeds only while the checkpoint stands at `expected`."""

    topic: str
    partition: int
    expected: int
    position: int


@dataclass(frozen=True)
class Write:
    """What one transaction stores."""

    rows: Mapping[str, pl.DataFrame]
    """Table → rows, at most one an id: the table's columns in their order and `_removed`."""
    moves: Sequence[Move]
    parked: Sequence[BadRecord] = ()
    """Records to park beside the checkpoint that passes them."""
    superseded: Mapping[tuple[str, bytes], int] = field(default_factory=dict)
    """(topic, key) → offset of an event of `rows`: what this generation has parked of that key
    below is parked no more."""
    resolved: Sequence[int] = ()
    """Numbers of dead letters of this generation that `rows` resolve."""


@dataclass(frozen=True)
class Filling:
    """All that one partition comes to, up to the generation's target."""

    move: Move
    table: str
    rows: Iterable[pl.DataFrame]
    """The table's columns in their order; each id once in all of them, none that was removed."""
    parked: Sequence[BadRecord] = ()
    lacking: int = 0
    """Rows whose first event changes what none has added: see `Generation.lacking`."""


class GenerationMoved(Unavailable):
    """The generation is not as it was when its writer looked: look again which is live."""


class CheckpointMoved(Unavailable):
    """Another worker moved these partitions' checkpoints; nothing was stored."""

    def __init__(self, partitions: Sequence[TopicPartition]) -> None:
        super().__init__(
            f"another process moved the checkpoints of "
            f"{', '.join(f'{topic}/{number}' for topic, number in sorted(partitions))}"
        )
        self.partitions = tuple(partitions)


class DeadLettersMoved(Unavailable):
    """A record that was believed parked is so no more; nothing was stored."""


class RowsRefused(Unusable):
    """The database can't hold a value of these rows; nothing was stored."""


class StoreBusy(Unavailable):
    """The database asked to try again (deadlock, lost connection, shutdown); nothing is known
    to be stored: look up the checkpoints again."""


class ReadStore(Protocol):
    """Rows and checkpoints of one read model. Used from one thread."""

    def live(self) -> Generation | None:
        """The generation that readers see."""
        ...

    def checkpoints(self, generation: int) -> dict[TopicPartition, int]:
        """Position of each partition: all records below are in the generation."""
        ...

    def add_checkpoints(self, generation: int, partitions: Sequence[TopicPartition]) -> None:
        """Add checkpoints at 0 for partitions that have none."""
        ...

    def topic_ids(self, generation: int) -> dict[str, str | None]:
        """Which topics a generation's checkpoints are of: name → id, None where that was not noted
        yet."""
        ...

    def note_topic_ids(self, generation: int, ids: Mapping[str, str]) -> None:
        """Note the ids of topics that have checkpoints, where none is noted yet."""
        ...

    def forget_positions(self, topics: Collection[str]) -> None:
        """Forget what is kept by positions of former topics of these names beside the generations:
        events that were discarded, rows that were stored late."""
        ...

    def parked_keys(self, generation: int) -> set[tuple[str, bytes]]:
        """(topic, key) that have parked records: a later event of theirs supersedes those."""
        ...

    def first_parked(self, generation: int, topics: Collection[str]) -> BadRecord | None:
        """The first record of these topics that a generation has parked."""
        ...

    def discarded(self) -> dict[TopicPartition, frozenset[int]]:
        """Offsets of events that were discarded on purpose: every generation passes them over."""
        ...

    def write(self, generation: Generation, write: Write) -> None:
        """Store all of it in one transaction, or nothing.

        Rows are merged: one is replaced or removed only by one with a greater `event_offset`.
        Raises GenerationMoved, CheckpointMoved, DeadLettersMoved, RowsRefused, StoreBusy.
        """
        ...

    def fill(self, generation: Generation, filling: Filling) -> None:
        """Store a partition of a generation that is FILLING in one transaction, or nothing.

        Raises GenerationMoved, CheckpointMoved, RowsRefused, StoreBusy.
        """
        ...

    def refusal(self, generation: Generation, table: str, rows: pl.DataFrame) -> str | None:
        """Why the database refuses `rows` of a table that is being filled, None if it doesn't;
        nothing is stored."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...

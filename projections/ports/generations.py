"""Generations of a read model.

A *generation* is one complete copy of a read model's tables in a schema of its own. One is live;
others are being built, wait for their switch, or are kept for rollback. Each has its own
checkpoints and its own parked records, so every copy can say exactly what it is made of.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.failures import Refused
from projections.ports.event_log import TopicPartition


class Phase(StrEnum):
    """Where a generation is in its life."""

    CREATING = "creating"
    """Its schema is being made."""
    FILLING = "filling"
    """Partition by partition is copied into tables without keys and indexes."""
    CATCHING_UP = "catching_up"
    """Tables are indexed; rows are merged."""
    DIFFERENT = "different"
    """Compared with the live one at equal positions: rows differ."""
    VERIFIED = "verified"
    """Compared with the live one at equal positions: no row differs."""
    FROZEN = "frozen"
    """Whole and as of one instant: it can be asked, and is never written to again."""
    LIVE = "live"
    """Readers see it and workers write it."""
    RETIRED = "retired"
    """Was live; kept for rollback."""
    DROPPED = "dropped"
    """Its schema is gone; the entry stays as history."""


class Purpose(StrEnum):
    """What a generation is made for."""

    SERVE = "serve"
    """To become live."""
    VERIFY = "verify"
    """To be compared with the live one and dropped."""
    AS_OF = "as_of"
    """To be asked what was so at one instant; it never becomes live."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a generation is made of: everything, unless this says less. A killed rebuild goes on
    only with a generation of the same purpose and scope."""

    as_of: datetime | None = None
    """Only of events whose origin was committed by then."""
    carried: frozenset[str] = frozenset()
    """Topics whose tables are copied from the live generation instead of being made of events."""


WHOLE = Scope()


@dataclass(frozen=True, slots=True)
class Throughput:
    """How much a phase of a rebuild has done in which time."""

    offsets: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Generation:
    """One copy of a read model. `number` counts from 1 and is never used again."""

    read_model: str
    number: int
    schema: str
    phase: Phase
    purpose: Purpose = Purpose.SERVE
    scope: Scope = WHOLE
    created_at: datetime | None = None
    changed_at: datetime | None = None
    """When phase or progress were last noted."""
    switched_at: datetime | None = None
    """When it last became live."""
    target: Mapping[TopicPartition, int] = field(default_factory=dict)
    """Positions up to which it is filled before it is indexed."""
    note: str | None = None
    """What a user should know: the last error, or how it differs."""
    progress: Mapping[str, object] = field(default_factory=dict)
    throughput: Mapping[str, Throughput] = field(default_factory=dict)
    """Phase → how long it took; the next rebuild's estimate."""
    lacking: Mapping[str, int] = field(default_factory=dict)
    """Topic → rows of it whose first event changes what no event has added: history is lost."""


@dataclass(frozen=True, slots=True)
class Digest:
    """Content of a table whatever the order of its rows."""

    rows: int
    checksum: str


class TableReader(Protocol):
    """Reads one generation's tables, all as of one instant."""

    def checkpoints(self) -> dict[TopicPartition, int]:
        """Positions at that instant."""
        ...

    def parked(self) -> dict[tuple[str, bytes], frozenset[int]]:
        """(topic, key) with parked records at that instant → their offsets."""
        ...

    def columns(self, table: str) -> list[str]:
        """Column names as the database has them."""
        ...

    def digest(self, table: str, columns: Sequence[str]) -> Digest:
        """Digest over `columns`."""
        ...

    def checksums(self, table: str, columns: Sequence[str]) -> Iterator[tuple[str, int]]:
        """(id, checksum of `columns`) of each row, ids ascending by code point; streamed."""
        ...

    def rows(self, table: str, ids: Sequence[str]) -> dict[str, dict[str, object]]:
        """Whole rows by id."""
        ...


class LiveHeld(Protocol):
    """The live generation while no worker can write to it."""

    generation: Generation | None

    def checkpoints(self) -> dict[TopicPartition, int]:
        """Its positions; they stand still."""
        ...

    def switch(self, successor: Generation) -> None:
        """Put `successor` in its place: lock all its tables against readers, rename both
        schemas, move the phases; all in one transaction. Raises ReadersInTheWay, ValueError for
        one that is not made to SERVE."""
        ...


class ReadersInTheWay(Refused):
    """Long statements hold locks on live tables; the switch was given up and nothing changed."""


class NothingToCarry(Refused):
    """Tables can't be copied from a live generation: there is none, or it lacks their columns."""


class RebuildRunning(Refused):
    """Another process works on the generations of this read model."""


class Claims(Protocol):
    """Which partitions of a generation this process fills, so that others fill the others.

    What a process has claimed is free again when it ends, however it ends. Safe for several
    threads.
    """

    def checkpoints(self) -> dict[TopicPartition, int]:
        """The generation's positions."""
        ...

    def take(self, partition: TopicPartition) -> bool:
        """Claim a partition; False where another process has it."""
        ...

    def give_back(self, partition: TopicPartition) -> None:
        """Let others have it."""
        ...


class Generations(Protocol):
    """Makes, finishes, compares, switches and drops generations of one read model.

    All of it raises Unavailable while the database is away or busy.
    """

    def exclusive(self) -> AbstractContextManager[None]:
        """Only one process at a time builds or switches. Raises RebuildRunning."""
        ...

    def all(self) -> list[Generation]:
        """Every generation ever, oldest first."""
        ...

    def create(
        self,
        purpose: Purpose,
        target: Mapping[TopicPartition, int],
        *,
        live: bool = False,
        scope: Scope = WHOLE,
    ) -> Generation:
        """A new generation with checkpoints at 0: FILLING, or LIVE and empty."""
        ...

    def resume(self, generation: Generation) -> Generation:
        """Make ready again what a killed process left: finish its schema; begin anew, whatever was
        done, where it was made by other migrations."""
        ...

    def update(self, generation: Generation) -> None:
        """Bring its tables to this release's migrations, as one that is live is; what is new in
        them is empty. Raises Refused for one that a newer release has made."""
        ...

    def claims(self, generation: Generation) -> AbstractContextManager[Claims]:
        """Claims on partitions of a generation, until the context ends."""
        ...

    def advance(self, generation: Generation, phase: Phase, note: str | None = None) -> Generation:
        """Move to a phase and say why; progress begins anew."""
        ...

    def note_progress(self, generation: Generation, progress: Mapping[str, object]) -> None:
        """Keep what a user may want to see of a running rebuild."""
        ...

    def note_failure(self, generation: Generation, reason: str) -> None:
        """Keep why work on it stopped. Phase and progress stay; the next `advance` forgets it."""
        ...

    def note_throughput(self, generation: Generation, phase: str, throughput: Throughput) -> None:
        """Add to how much a phase did in which time; kept when the generation is dropped."""
        ...

    def indexing(self, generation: Generation) -> AbstractContextManager[Callable[[str], None]]:
        """Make keys and indexes of tables that are full while others are FILLING: of those that the
        function is called with, in the background, one after another. What fails, and what is
        not taken up by the end, is left to `finish`."""
        ...

    def finish(self, generation: Generation, report: Callable[[str], None]) -> Generation:
        """Make keys and indexes, analyse. From FILLING to CATCHING_UP; goes on where it was killed.

        A carried topic's table gets the live generation's rows first, its checkpoints and parked
        records theirs, all as of one instant. Raises NothingToCarry. `report` gets each table's
        name.
        """
        ...

    def read(self, generation: Generation) -> AbstractContextManager[TableReader]:
        """Read a generation as of this instant, for as long as the context lasts."""
        ...

    def hold_live(self) -> AbstractContextManager[LiveHeld]:
        """Keep workers from writing to the live generation for a moment."""
        ...

    def drop(self, generation: Generation) -> None:
        """Drop its schema, checkpoints and parked records. Raises ValueError for the live one."""
        ...

"""Generations of a read database in memory: made, claimed, switched, dropped."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import replace

from projections.ports.event_log import TopicPartition
from projections.ports.generations import (
    WHOLE,
    Generation,
    NothingToCarry,
    Phase,
    Purpose,
    ReadersInTheWay,
    RebuildRunning,
    Scope,
    Throughput,
)
from projections.ports.read_store import StoreBusy
from projections.read_model import Projection
from tests.projections.engine.memory_store import EPOCH, Copy, MemoryDatabase, MemoryReader, Row


class MemoryHeld:
    """Implements `projections.ports.generations.LiveHeld`."""

    def __init__(self, database: MemoryDatabase) -> None:
        live = database.live()
        self._db = database
        self.generation = live.generation if live else None

    def checkpoints(self) -> dict[TopicPartition, int]:
        """See the port."""
        live = self._db.live()
        return dict(live.checkpoints) if live else {}

    def switch(self, successor: Generation) -> None:
        """See the port."""
        if self._db.readers:
            self._db.readers -= 1
            raise ReadersInTheWay
        name = self._db.model.schema
        if successor.purpose is not Purpose.SERVE:
            raise ValueError("not made to serve")
        live = self._db.live()
        if live is not None:
            number = live.generation.number
            self._db.change(number, phase=Phase.RETIRED, schema=f"{name}_g{number}")
        age = len([c for c in self._db.copies.values() if c.generation.switched_at])
        latest = max(
            (
                c.generation.switched_at
                for c in self._db.copies.values()
                if c.generation.switched_at
            ),
            default=EPOCH,
        )
        instant = latest.replace(microsecond=latest.microsecond + 1 + age)
        self._db.change(successor.number, phase=Phase.LIVE, schema=name, switched_at=instant)


class MemoryClaims:
    """Implements `projections.ports.generations.Claims`."""

    def __init__(self, database: MemoryDatabase, generation: Generation) -> None:
        self._db = database
        self._number = generation.number
        self._mine: set[TopicPartition] = set()

    def checkpoints(self) -> dict[TopicPartition, int]:
        """See the port."""
        return dict(self._db.copies[self._number].checkpoints)

    def take(self, partition: TopicPartition) -> bool:
        """See the port."""
        claim = (self._number, partition)
        if claim in self._db.claims:
            return False
        self._db.claims.add(claim)
        self._mine.add(partition)
        return True

    def give_back(self, partition: TopicPartition) -> None:
        """See the port."""
        self._mine.discard(partition)
        self._db.claims.discard((self._number, partition))

    def close(self) -> None:
        """What was claimed is free."""
        for partition in [*self._mine]:
            self.give_back(partition)


class MemoryGenerations:
    """Implements `projections.ports.generations.Generations`."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    @property
    def _db(self) -> MemoryDatabase:
        """The database, unless it is away."""
        if self._database.is_away:
            raise StoreBusy("the read database is away")
        return self._database

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """See the port."""
        if self._db.building:
            raise RebuildRunning
        self._db.building = True
        try:
            yield
        finally:
            self._db.building = False

    def all(self) -> list[Generation]:
        """See the port."""
        return [copy.generation for _, copy in sorted(self._db.copies.items())]

    def create(
        self,
        purpose: Purpose,
        target: Mapping[TopicPartition, int],
        *,
        live: bool = False,
        scope: Scope = WHOLE,
    ) -> Generation:
        """See the port."""
        number = len(self._db.copies) + 1
        name = self._db.model.schema
        generation = Generation(
            self._db.model.name,
            number,
            name if live else f"{name}_g{number}",
            Phase.LIVE if live else Phase.FILLING,
            purpose,
            scope,
            switched_at=EPOCH if live else None,
            target=dict(target),
        )
        tables: dict[str, dict[str, Row]] = {p.sql.name: {} for p in self._db.model.projections}
        self._db.copies[number] = Copy(generation, tables, dict.fromkeys(target, 0))
        return generation

    def resume(self, generation: Generation) -> Generation:
        """See the port."""
        return self._db.copies[generation.number].generation

    def update(self, generation: Generation) -> None:
        """See the port. All copies have the same tables."""

    @contextmanager
    def claims(self, generation: Generation) -> Iterator[MemoryClaims]:
        """See the port."""
        with closing(MemoryClaims(self._db, generation)) as claims:
            yield claims

    def advance(self, generation: Generation, phase: Phase, note: str | None = None) -> Generation:
        """See the port."""
        return self._db.change(generation.number, phase=phase, note=note, progress={})

    def note_progress(self, generation: Generation, progress: Mapping[str, object]) -> None:
        """See the port."""
        self._db.change(generation.number, progress=dict(progress))

    def note_failure(self, generation: Generation, reason: str) -> None:
        """See the port."""
        self._db.change(generation.number, note=reason)

    def note_throughput(self, generation: Generation, phase: str, throughput: Throughput) -> None:
        """See the port."""
        known = self._db.copies[generation.number].generation.throughput
        before = known.get(phase, Throughput(0, 0.0))
        total = Throughput(before.offsets + throughput.offsets, before.seconds + throughput.seconds)
        self._db.change(generation.number, throughput={**known, phase: total})

    @contextmanager
    def indexing(self, generation: Generation) -> Iterator[Callable[[str], None]]:
        """See the port."""
        yield self._db.copies[generation.number].indexed.append

    def finish(self, generation: Generation, report: Callable[[str], None]) -> Generation:
        """See the port."""
        copy = self._db.copies[generation.number]
        for projection in self._db.model.projections:
            report(projection.sql.name)  # may raise, as a kill would: nothing is done then
        for projection in self._db.model.projections:
            if projection.topic in generation.scope.carried:
                self._carry_over(copy, projection)
        return self._db.change(generation.number, phase=Phase.CATCHING_UP)

    def _carry_over(self, copy: Copy, projection: Projection) -> None:
        live = self._db.live()
        if live is None:
            raise NothingToCarry
        copy.tables[projection.sql.name] = deepcopy(live.tables[projection.sql.name])
        for partition, position in live.checkpoints.items():
            if partition[0] == projection.topic:
                copy.checkpoints[partition] = position
                if partition[0] in live.topic_ids:
                    copy.topic_ids[partition[0]] = live.topic_ids[partition[0]]
        for dead_letter in self._db.dead_letters_of(live.generation.number):
            if dead_letter.topic == projection.topic:
                number = max(self._db.dead_letters) + 1
                self._db.dead_letters[number] = replace(
                    dead_letter, number=number, generation=copy.generation.number
                )

    @contextmanager
    def read(self, generation: Generation) -> Iterator[MemoryReader]:
        """See the port."""
        number = generation.number
        copy = self._db.copies[number]
        yield MemoryReader(copy, self._db.parked(number), self._db.model)

    @contextmanager
    def hold_live(self) -> Iterator[MemoryHeld]:
        """See the port."""
        self._db.held = True
        try:
            yield MemoryHeld(self._db)
        finally:
            self._db.held = False

    def drop(self, generation: Generation) -> None:
        """See the port."""
        copy = self._db.copies[generation.number]
        if copy.generation.phase is Phase.LIVE:
            raise ValueError("live")
        copy.tables, copy.checkpoints, copy.topic_ids = {}, {}, {}
        for dead_letter in self._db.dead_letters_of(generation.number):
            del self._db.dead_letters[dead_letter.number]
        self._db.change(generation.number, phase=Phase.DROPPED)

"""A read database in memory: what the ports promise, in the plainest way that can be right.

It implements `projections.store.ReadStore` and `Generations`, and `projections.ports.DeadLetters`.
The contract suite (tests/contracts) holds it and the real database to the same promises.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import polars as pl

from projections.ports import DeadLetter, Headers, Stage, TopicPartition
from projections.read_model import REMOVED, Projection, ReadModel
from projections.store import (
    WHOLE,
    CheckpointMoved,
    Digest,
    Filling,
    Generation,
    GenerationMoved,
    LettersMoved,
    NothingToCarry,
    Pace,
    Phase,
    Purpose,
    ReadersInTheWay,
    RebuildRunning,
    RowsRefused,
    Scope,
    Write,
)

Row = dict[str, object]
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Copy:
    """One generation with its content."""

    generation: Generation
    tables: dict[str, dict[str, Row]]
    checkpoints: dict[TopicPartition, int] = field(default_factory=dict)


class MemoryDatabase:
    """All generations and letters. Everything shares it, as processes share a database."""

    def __init__(self, model: ReadModel) -> None:
        self.model = model
        self.copies: dict[int, Copy] = {}
        self.letters: dict[int, DeadLetter] = {}
        self.building = False
        self.claims: set[tuple[int, TopicPartition]] = set()
        self.held = False
        self.readers = 0
        """How many further switches find readers in their way."""

    def live(self) -> Copy | None:
        """The live copy."""
        copies = self.copies.values()
        return next((c for c in copies if c.generation.phase is Phase.LIVE), None)

    def change(self, number: int, **values: object) -> Generation:
        """Change what is known of a generation."""
        copy = self.copies[number]
        copy.generation = replace(copy.generation, **values)  # type: ignore[arg-type]
        return copy.generation

    def letters_of(self, number: int) -> list[DeadLetter]:
        """Project letters of a generation."""
        return [
            one
            for one in self.letters.values()
            if one.stage is Stage.PROJECT and one.generation == number
        ]

    def parked_keys(self, number: int) -> set[tuple[str, bytes]]:
        """(topic, key) of a generation's letters."""
        return {(one.topic, one.key) for one in self.letters_of(number) if one.key is not None}


class MemoryReadStore:
    """Implements `projections.store.ReadStore`."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

    def live(self) -> Generation | None:
        """See the port."""
        copy = self._db.live()
        return copy.generation if copy else None

    def checkpoints(self, generation: int) -> dict[TopicPartition, int]:
        """See the port."""
        return dict(self._db.copies[generation].checkpoints)

    def add_checkpoints(self, generation: int, partitions: Sequence[TopicPartition]) -> None:
        """See the port."""
        for partition in partitions:
            self._db.copies[generation].checkpoints.setdefault(partition, 0)

    def parked_keys(self, generation: int) -> set[tuple[str, bytes]]:
        """See the port."""
        return self._db.parked_keys(generation)

    def write(self, generation: Generation, write: Write) -> None:
        """See the port."""
        copy = self._entered(generation)
        self._check(copy, write)
        for move in write.moves:
            copy.checkpoints[move.topic, move.partition] = move.position
        for bad in write.parked:
            place = (bad.topic, bad.partition, bad.offset)
            letters = self._db.letters_of(generation.number)
            if place not in {(one.topic, one.partition, one.offset) for one in letters}:
                number = max(self._db.letters, default=0) + 1
                self._db.letters[number] = DeadLetter(
                    number, Stage.PROJECT, self._db.model.name, generation.number, *place, bad.key,
                    bad.value, (), bad.reason, EPOCH, 0,
                )  # fmt: skip
        for number in write.resolved:
            del self._db.letters[number]
        for table, frame in write.rows.items():
            for row in frame.iter_rows(named=True):
                merge(copy.tables[table], row)

    def fill(self, generation: Generation, filling: Filling) -> None:
        """See the port."""
        copy = self._entered(replace(generation, phase=Phase.FILLING))
        frames = list(filling.rows)
        for frame in frames:
            self._check(copy, Write({filling.table: frame}, [filling.move]))
        for frame in frames:
            for row in frame.iter_rows(named=True):
                assert str(row["id"]) not in copy.tables[filling.table]
                copy.tables[filling.table][str(row["id"])] = row
        self.write(generation, Write({}, [filling.move], filling.parked))

    def refusal(self, generation: Generation, table: str, rows: pl.DataFrame) -> str | None:
        """See the port."""
        try:
            self._check(self._entered(generation), Write({table: rows}, ()))
        except RowsRefused as refusal:
            return str(refusal)
        return None

    def _entered(self, generation: Generation) -> Copy:
        copy = self._db.copies[generation.number]
        now = copy.generation
        if (now.phase, now.schema) != (generation.phase, generation.schema):
            raise GenerationMoved(generation.number)
        return copy

    def _check(self, copy: Copy, write: Write) -> None:
        moved = [
            (m.topic, m.partition)
            for m in write.moves
            if copy.checkpoints.get((m.topic, m.partition)) != m.expected
        ]
        if moved:
            raise CheckpointMoved(moved)
        if write.waiting - self._db.parked_keys(copy.generation.number):
            raise LettersMoved
        if set(write.resolved) - {n.number for n in self._db.letters_of(copy.generation.number)}:
            raise LettersMoved
        for frame in write.rows.values():
            for row in frame.iter_rows():
                if any(isinstance(value, str) and "\0" in value for value in row):
                    raise RowsRefused("text can't contain NUL (0x00) bytes")

    def close(self) -> None:
        """See the port."""


def merge(table: dict[str, Row], row: Row) -> None:
    """Newest wins, by the event's offset."""
    row = dict(row)
    removed = row.pop(REMOVED)
    id = str(row["id"])
    kept = table.get(id)
    if kept is not None and int(str(kept["event_offset"])) >= int(str(row["event_offset"])):
        return
    if removed:
        table.pop(id, None)
    else:
        table[id] = row


class MemoryReader:
    """Implements `projections.store.TableReader` on a frozen copy."""

    def __init__(self, copy: Copy, parked: set[tuple[str, bytes]], model: ReadModel) -> None:
        self._copy = deepcopy(copy)
        self._parked = parked
        self._model = model

    def checkpoints(self) -> dict[TopicPartition, int]:
        """See the port."""
        return self._copy.checkpoints

    def parked_keys(self) -> set[tuple[str, bytes]]:
        """See the port."""
        return self._parked

    def columns(self, table: str) -> list[str]:
        """See the port."""
        found = next(p.sql for p in self._model.projections if p.sql.name == table)
        return [column.name for column in found.columns]

    def digest(self, table: str, columns: Sequence[str]) -> Digest:
        """See the port."""
        sums = [checksum for _, checksum in self.checksums(table, columns)]
        return Digest(len(sums), str(sum(sums)))

    def checksums(self, table: str, columns: Sequence[str]) -> Iterator[tuple[str, int]]:
        """See the port."""
        for id, row in sorted(self._copy.tables[table].items()):
            yield id, hash(tuple(str(row[column]) for column in columns))

    def rows(self, table: str, ids: Sequence[str]) -> dict[str, Row]:
        """See the port."""
        kept = self._copy.tables[table]
        return {id: kept[id] for id in ids if id in kept}


class MemoryHeld:
    """Implements `projections.store.LiveHeld`."""

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
        moment = latest.replace(microsecond=latest.microsecond + 1 + age)
        self._db.change(successor.number, phase=Phase.LIVE, schema=name, switched_at=moment)


class MemoryClaims:
    """Implements `projections.store.Claims`."""

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


class MemorySpool:
    """Implements `projections.ports.Spool`."""

    def __init__(self) -> None:
        self._frames: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame) -> None:
        """See the port."""
        self._frames.append(frame)

    def read(self) -> Iterator[pl.DataFrame]:
        """See the port."""
        return iter(self._frames)

    def close(self) -> None:
        """See the port."""
        del self._frames


class MemoryGenerations:
    """Implements `projections.store.Generations`."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

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

    def note_pace(self, generation: Generation, phase: str, pace: Pace) -> None:
        """See the port."""
        known = self._db.copies[generation.number].generation.pace
        before = known.get(phase, Pace(0, 0.0))
        total = Pace(before.offsets + pace.offsets, before.seconds + pace.seconds)
        self._db.change(generation.number, pace={**known, phase: total})

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
        for letter in self._db.letters_of(live.generation.number):
            if letter.topic == projection.topic:
                number = max(self._db.letters) + 1
                self._db.letters[number] = replace(
                    letter, number=number, generation=copy.generation.number
                )

    @contextmanager
    def read(self, generation: Generation) -> Iterator[MemoryReader]:
        """See the port."""
        number = generation.number
        copy = self._db.copies[number]
        yield MemoryReader(copy, self._db.parked_keys(number), self._db.model)

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
        copy.tables, copy.checkpoints = {}, {}
        for letter in self._db.letters_of(generation.number):
            del self._db.letters[letter.number]
        self._db.change(generation.number, phase=Phase.DROPPED)


class MemoryDeadLetters:
    """Implements `projections.ports.DeadLetters`."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

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
        """See the port."""
        live = self._db.live()
        generation = live.generation.number if live and stage is Stage.PROJECT else 0
        for one in self._db.letters.values():
            if (one.stage, one.topic, one.partition, one.offset) == (
                stage, topic, partition, offset,
            ):  # fmt: skip
                return
        number = max(self._db.letters, default=0) + 1
        self._db.letters[number] = DeadLetter(
            number, stage, self._db.model.name if stage is Stage.PROJECT else "", generation, topic,
            partition, offset, key, value, list(headers or ()), reason, EPOCH, 0,
        )  # fmt: skip

    def is_parked(self, stage: Stage, topic: str, key: bytes | None) -> bool:
        """See the port."""
        return key in self.parked_keys(stage, topic)

    def parked_keys(self, stage: Stage, topic: str) -> set[bytes]:
        """See the port."""
        return {one.key for one in self.list(stage, topic) if one.key is not None}

    def list(
        self,
        stage: Stage | None = None,
        topic: str | None = None,
        key: bytes | None = None,
        limit: int | None = None,
    ) -> list[DeadLetter]:
        """See the port."""
        live = self._db.live()
        number = live.generation.number if live else 0
        found = [
            one
            for one in self._db.letters.values()
            if (stage is None or one.stage is stage)
            and (topic is None or one.topic == topic)
            and (key is None or one.key == key)
            and (one.stage is Stage.TRANSLATE or one.generation == number)
        ]
        found.sort(key=lambda o: (o.stage is Stage.PROJECT, o.topic, o.partition, o.offset))
        return found[:limit]

    def show(self, number: int) -> DeadLetter:
        """See the port."""
        return self._db.letters[number]

    def discard(self, numbers: Sequence[int]) -> int:
        """See the port."""
        return sum(self._db.letters.pop(number, None) is not None for number in numbers)

    def note_failure(self, number: int, reason: str) -> None:
        """See the port."""
        letter = self._db.letters[number]
        self._db.letters[number] = replace(letter, attempts=letter.attempts + 1, reason=reason)

"""A read database in memory: what the ports promise, in the plainest way that can be right.

It implements `projections.ports.read_store.ReadStore`; `memory_generations` and
`memory_dead_letters` are its other two sides.
The contract suite (tests/contracts) holds it and the real database to the same promises.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import polars as pl

from domain.failures import Unusable, reason_of
from projections.ports.dead_letters import DeadLetter, Stage
from projections.ports.event_decoder import BadRecord
from projections.ports.event_log import TopicPartition
from projections.ports.generations import Digest, Generation, Phase
from projections.ports.read_store import (
    CheckpointMoved,
    DeadLettersMoved,
    Filling,
    GenerationMoved,
    RowsRefused,
    StoreBusy,
    Write,
)
from projections.read_model import REMOVED, ReadModel

Row = dict[str, object]
LONGEST_INDEXED = 2_700
"""Bytes of an id, where it can't be compressed."""
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Copy:
    """One generation with its content."""

    generation: Generation
    tables: dict[str, dict[str, Row]]
    checkpoints: dict[TopicPartition, int] = field(default_factory=dict)
    topic_ids: dict[str, str] = field(default_factory=dict)
    indexed: list[str] = field(default_factory=list)
    """Tables whose indexes were made while others were filled."""


class MemoryDatabase:
    """All generations and dead letters. Everything shares it, as processes share a database."""

    def __init__(self, model: ReadModel) -> None:
        self.model = model
        self.copies: dict[int, Copy] = {}
        self.dead_letters: dict[int, DeadLetter] = {}
        self.discarded: set[tuple[str, int, int]] = set()
        self.building = False
        self.claims: set[tuple[int, TopicPartition]] = set()
        self.held = False
        self.is_away = False
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

    def dead_letters_of(self, number: int) -> list[DeadLetter]:
        """Dead letters of the project stage, of a generation."""
        return [
            one
            for one in self.dead_letters.values()
            if one.stage is Stage.PROJECT and one.generation == number
        ]

    def parked(self, number: int) -> dict[tuple[str, bytes], frozenset[int]]:
        """(topic, key) of a generation's dead letters → their offsets."""
        found: dict[tuple[str, bytes], frozenset[int]] = {}
        for one in self.dead_letters_of(number):
            if one.key is not None:
                key = (one.topic, one.key)
                found[key] = found.get(key, frozenset()) | {one.offset}
        return found


class MemoryReadStore:
    """Implements `projections.ports.read_store.ReadStore`."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    @property
    def _db(self) -> MemoryDatabase:
        """The database, unless it is away."""
        if self._database.is_away:
            raise StoreBusy("the read database is away")
        return self._database

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

    def topic_ids(self, generation: int) -> dict[str, str | None]:
        """See the port."""
        copy = self._db.copies[generation]
        return {topic: copy.topic_ids.get(topic) for topic, _ in copy.checkpoints}

    def note_topic_ids(self, generation: int, ids: Mapping[str, str]) -> None:
        """See the port."""
        copy = self._db.copies[generation]
        topics = {topic for topic, _ in copy.checkpoints}
        copy.topic_ids = {t: i for t, i in ids.items() if t in topics} | copy.topic_ids

    def forget_positions(self, topics: Collection[str]) -> None:
        """See the port."""
        self._db.discarded = {one for one in self._db.discarded if one[0] not in topics}

    def parked_keys(self, generation: int) -> set[tuple[str, bytes]]:
        """See the port."""
        return set(self._db.parked(generation))

    def first_parked(self, generation: int, topics: Collection[str]) -> BadRecord | None:
        """See the port."""
        found = [one for one in self._db.dead_letters_of(generation) if one.topic in topics]
        found.sort(key=lambda one: (one.topic, one.partition, one.offset))
        for one in found[:1]:
            return BadRecord(one.topic, one.partition, one.offset, one.key, one.value, one.reason)
        return None

    def discarded(self) -> dict[TopicPartition, frozenset[int]]:
        """See the port."""
        partitions = {(topic, partition) for topic, partition, _ in self._db.discarded}
        return {
            p: frozenset(o for *q, o in self._db.discarded if tuple(q) == p) for p in partitions
        }

    def write(self, generation: Generation, write: Write) -> None:
        """See the port."""
        copy = self._entered(generation)
        self._check(copy, write)
        for move in write.moves:
            copy.checkpoints[move.topic, move.partition] = move.position
        for bad in write.parked:
            place = (bad.topic, bad.partition, bad.offset)
            dead_letters = self._db.dead_letters_of(generation.number)
            known = {(one.topic, one.partition, one.offset) for one in dead_letters}
            if place not in known | self._db.discarded:
                number = max(self._db.dead_letters, default=0) + 1
                self._db.dead_letters[number] = DeadLetter(
                    number, Stage.PROJECT, self._db.model.name, generation.number, *place, bad.key,
                    bad.value, (), reason_of(Unusable(bad.reason)), EPOCH, 0,
                )  # fmt: skip
        for number in write.resolved:
            del self._db.dead_letters[number]
        for one in self._db.dead_letters_of(generation.number):
            if one.key and one.offset < write.superseded.get((one.topic, one.key), -1):
                del self._db.dead_letters[one.number]
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
        if filling.lacking:
            known, topic = copy.generation.lacking, filling.move.topic
            counted = {**known, topic: known.get(topic, 0) + filling.lacking}
            self._db.change(generation.number, lacking=counted)

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
        if set(write.resolved) - {
            n.number for n in self._db.dead_letters_of(copy.generation.number)
        }:
            raise DeadLettersMoved
        for frame in write.rows.values():
            for row in frame.iter_rows():
                if any(isinstance(value, str) and "\0" in value for value in row):
                    raise RowsRefused("text can't contain NUL (0x00) bytes")
            if any(len(id.encode()) > LONGEST_INDEXED for id in frame["id"]):
                raise RowsRefused("index row size exceeds btree maximum")

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
    """Implements `projections.ports.generations.TableReader` on a frozen copy."""

    def __init__(
        self, copy: Copy, parked: dict[tuple[str, bytes], frozenset[int]], model: ReadModel
    ) -> None:
        self._copy = deepcopy(copy)
        self._parked = parked
        self._model = model

    def checkpoints(self) -> dict[TopicPartition, int]:
        """See the port."""
        return self._copy.checkpoints

    def parked(self) -> dict[tuple[str, bytes], frozenset[int]]:
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

"""Rows and checkpoints in PostgreSQL: one transaction for both, whoever else is at work.

Implements `projections.ports.read_store.ReadStore`.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import polars as pl
import psycopg

from adapters.read_database import generation_rows, index_probe
from adapters.read_database.connection import (
    connect,
    lift_limits,
    limit_transactions,
    quoted,
    storable,
    store_errors,
)
from adapters.read_database.generation_rows import LOCK_KEY, writing
from adapters.read_database.late_changes import note_late
from adapters.read_database.rows import TableStatements, columns_of, copy_frames
from projections.ports.event_decoder import BadRecord
from projections.ports.event_log import TopicPartition
from projections.ports.generations import Generation, Phase
from projections.ports.read_store import (
    CheckpointMoved,
    DeadLettersMoved,
    Filling,
    GenerationMoved,
    Move,
    RowsRefused,
    Write,
)
from projections.read_model import REMOVED, ReadModel

log = logging.getLogger(__name__)

_ENTER = f"SELECT pg_advisory_xact_lock_shared({LOCK_KEY})"
_STILL = (
    "SELECT revision FROM engine.generation "
    "WHERE read_model = %s AND number = %s AND phase = %s AND schema_name = %s"
)
_MOVE = """
    UPDATE engine.checkpoint AS c SET position = m.position, moved_at = now()
    FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[])
         AS m(topic, partition, expected, position)
    WHERE c.read_model = %s AND c.generation = %s
      AND c.topic = m.topic AND c.partition = m.partition AND c.position = m.expected
    RETURNING c.topic, c.partition"""
_PARK = """
    INSERT INTO engine.dead_letter
        (stage, read_model, generation, topic, partition, "offset", key, value, reason)
    SELECT 'project', model, %(generation)s, topic, partition, "offset",
           %(key)s, %(value)s, %(reason)s
    FROM (VALUES (%(model)s::text, %(topic)s::text, %(partition)s::int, %(offset)s::bigint))
         AS place (model, topic, partition, "offset")
    WHERE NOT EXISTS (
        SELECT FROM engine.discarded AS d
        WHERE (d.read_model, d.topic, d.partition, d."offset")
            = (place.model, place.topic, place.partition, place."offset"))
    ON CONFLICT ON CONSTRAINT dead_letter_position DO NOTHING"""
_LACKING = """
    UPDATE engine.generation SET lacking = lacking || jsonb_build_object(
        %s::text, coalesce((lacking ->> %s::text)::bigint, 0) + %s::bigint)
    WHERE read_model = %s AND number = %s"""
_SUPERSEDE = """
    DELETE FROM engine.dead_letter AS d
    USING unnest(%s::text[], %s::bytea[], %s::bigint[]) AS s (topic, key, "offset")
    WHERE d.stage = 'project' AND d.read_model = %s AND d.generation = %s
      AND d.topic = s.topic AND sha256(d.key) = sha256(s.key) AND d."offset" < s."offset"
    RETURNING d.number"""
_RESOLVE = """
    DELETE FROM engine.dead_letter
    WHERE stage = 'project' AND read_model = %s AND generation = %s AND number = ANY(%s)"""


class _Tried(Exception):
    """Rolls back what was only to be tried."""


class PostgresReadStore:
    """One connection's view of a read model. Opens it when first needed, and again when lost."""

    def __init__(self, dsn: str, model: ReadModel, purpose: str = "projection") -> None:
        self._dsn = dsn
        self._model = model
        self._purpose = purpose
        self._connection: psycopg.Connection | None = None
        self._written: tuple[int, str] | None = None
        """Number and schema of the generation that the statements are for."""
        self._revision: object = None
        """The last migration of its tables when they were looked at."""
        self._statements: dict[str, TableStatements] = {}
        self._staged: set[str] = set()

    def live(self) -> Generation | None:
        """See the port."""
        with store_errors():
            return generation_rows.live_generation(self._open(), self._model.name)

    def checkpoints(self, generation: int) -> dict[TopicPartition, int]:
        """See the port."""
        with store_errors():
            return generation_rows.checkpoints(self._open(), self._model.name, generation)

    def add_checkpoints(self, generation: int, partitions: Sequence[TopicPartition]) -> None:
        """See the port."""
        with store_errors(), self._open().cursor() as cursor:
            cursor.executemany(
                "INSERT INTO engine.checkpoint (read_model, generation, topic, partition, position)"
                " VALUES (%s, %s, %s, %s, 0) ON CONFLICT DO NOTHING",
                [(self._model.name, generation, *partition) for partition in partitions],
            )

    def topic_ids(self, generation: int) -> dict[str, str | None]:
        """See the port."""
        with store_errors():
            return generation_rows.topic_ids(self._open(), self._model.name, generation)

    def note_topic_ids(self, generation: int, ids: Mapping[str, str]) -> None:
        """See the port."""
        with store_errors(), self._open().cursor() as cursor:
            cursor.executemany(
                "UPDATE engine.checkpoint SET topic_id = %s WHERE read_model = %s "
                "AND generation = %s AND topic = %s AND topic_id IS NULL",
                [(id_, self._model.name, generation, topic) for topic, id_ in ids.items()],
            )

    def forget_positions(self, topics: Collection[str]) -> None:
        """See the port."""
        with self._transaction() as cursor:
            for table in ("discarded", "late_change"):
                cursor.execute(
                    f"DELETE FROM engine.{table} WHERE read_model = %s AND topic = ANY(%s)",
                    (self._model.name, list(topics)),
                )

    def parked_keys(self, generation: int) -> set[tuple[str, bytes]]:
        """See the port."""
        with store_errors():
            return set(generation_rows.parked(self._open(), self._model.name, generation))

    def first_parked(self, generation: int, topics: Collection[str]) -> BadRecord | None:
        """See the port."""
        with store_errors():
            row = (
                self._open()
                .execute(
                    'SELECT topic, partition, "offset", key, value, reason FROM engine.dead_letter '
                    "WHERE stage = 'project' AND read_model = %s AND generation = %s "
                    'AND topic = ANY(%s) ORDER BY topic, partition, "offset" LIMIT 1',
                    (self._model.name, generation, list(topics)),
                )
                .fetchone()
            )
        if row is None:
            return None
        topic, partition, offset, key, value, reason = row
        return BadRecord(topic, partition, offset, _bytes(key), _bytes(value), reason)

    def discarded(self) -> dict[TopicPartition, frozenset[int]]:
        """See the port."""
        with store_errors():
            rows = self._open().execute(
                'SELECT topic, partition, array_agg("offset") FROM engine.discarded '
                "WHERE read_model = %s GROUP BY topic, partition",
                (self._model.name,),
            )
            return {(topic, partition): frozenset(offsets) for topic, partition, offsets in rows}

    def write(self, generation: Generation, write: Write) -> None:
        """See the port.

        Rows are staged before anything is locked: a process that is paused in the midst of a COPY
        is ended by no time limit of the server's (see `connection.limit_transactions`).
        """
        self._make_staging(generation, write.rows)
        with self._transaction() as cursor:
            for table, frame in write.rows.items():
                sql = self._statements[table]
                columns = (*sql.columns, REMOVED)
                # In the order of their key, neighbours in the index come one after another.
                copy_frames(cursor, sql.copy_to_staging, [frame.sort("id")], columns, sql.json)
            self._write(cursor, generation, write)

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Cursor]:
        try:
            with store_errors(), self._open().transaction():
                yield self._open().cursor()
        except BaseException:
            self._written = None  # staging tables made or dropped in it are what they were before
            raise

    def _write(self, cursor: psycopg.Cursor, generation: Generation, write: Write) -> None:
        if self._enter(cursor, generation, generation.phase) != self._revision:
            raise GenerationMoved(f"the tables of generation {generation.number} were migrated")
        if write.moves:
            self._move(cursor, generation, write.moves)
        if write.parked:
            self._park(cursor, generation, write.parked)
        if write.resolved:
            self._note_late(cursor, generation, write.rows)
            self._resolve(cursor, generation, write.resolved)
        if write.superseded:
            self._supersede(cursor, generation, write.superseded)
        for table in write.rows:
            # Planned anew each time: how much is staged decides how best to join.
            cursor.execute(self._statements[table].merge, prepare=False)

    def fill(self, generation: Generation, filling: Filling) -> None:
        """See the port."""
        with self._filling(generation) as cursor:
            # Rows and checkpoint are lost together, if they are: there is nothing to wait for.
            cursor.execute("SET LOCAL synchronous_commit = off")
            self._move(cursor, generation, [filling.move])
            if filling.parked:
                self._park(cursor, generation, filling.parked)
            self._copy(cursor, generation, filling.table, filling.rows)
            if filling.lacking:  # at the end: it locks the generation's row
                topic = filling.move.topic
                numbers = (self._model.name, generation.number)
                cursor.execute(_LACKING, (topic, topic, filling.lacking, *numbers))

    def refusal(self, generation: Generation, table: str, rows: pl.DataFrame) -> str | None:
        """See the port."""
        try:
            with self._filling(generation) as cursor:
                self._copy(cursor, generation, table, [rows])
                raise _Tried
        except _Tried:
            return None
        except RowsRefused as refusal:
            return str(refusal)

    @contextmanager
    def _filling(self, generation: Generation) -> Iterator[psycopg.Cursor]:
        """A transaction that may take as long as a partition takes."""
        with self._transaction() as cursor:
            lift_limits(cursor)
            self._prepare_for(cursor, generation, self._enter(cursor, generation, Phase.FILLING))
            yield cursor

    def _copy(
        self,
        cursor: psycopg.Cursor,
        generation: Generation,
        table: str,
        frames: Iterable[pl.DataFrame],
    ) -> None:
        index_probe.copy_into(cursor, generation.schema, table, self._statements[table], frames)

    def close(self) -> None:
        """See the port."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._dsn, self._purpose)
            limit_transactions(self._connection)
            # Rows are met by their key. At the default of 4, made for disks that turn, a batch of
            # some thousand is joined by reading the whole table: 175 instead of 50 ms.
            self._connection.execute("SET random_page_cost = 1.1")
            self._written = None
        return self._connection

    def _enter(self, cursor: psycopg.Cursor, generation: Generation, phase: Phase) -> object:
        """Keep switches out until the transaction ends, and see that none came before.

        Returns the last migration of the generation's tables.
        """
        cursor.execute(_ENTER, (writing(generation.number), self._model.name))
        cursor.execute(
            _STILL,
            (self._model.name, generation.number, phase.value, generation.schema),
        )
        row = cursor.fetchone()
        if row is None:
            raise GenerationMoved(f"generation {generation.number} is not {phase.value} (any more)")
        return row[0]

    def _move(self, cursor: psycopg.Cursor, generation: Generation, moves: Sequence[Move]) -> None:
        cursor.execute(
            _MOVE,
            (
                [move.topic for move in moves],
                [move.partition for move in moves],
                [move.expected for move in moves],
                [move.position for move in moves],
                self._model.name,
                generation.number,
            ),
        )
        moved = set(cursor.fetchall())
        if len(moved) < len(moves):
            there = [(move.topic, move.partition) for move in moves]
            raise CheckpointMoved([one for one in there if one not in moved])

    def _supersede(
        self,
        cursor: psycopg.Cursor,
        generation: Generation,
        superseded: Mapping[tuple[str, bytes], int],
    ) -> None:
        topics, keys = zip(*superseded, strict=True)
        cursor.execute(
            _SUPERSEDE,
            (
                list(topics), list(keys), list(superseded.values()),
                self._model.name, generation.number,
            ),
        )  # fmt: skip
        if numbers := [number for (number,) in cursor]:
            log.warning(
                "later events have superseded the parked records %s of generation %s",
                ", ".join(map(str, numbers)),
                generation.number,
            )

    def _park(
        self, cursor: psycopg.Cursor, generation: Generation, parked: Sequence[BadRecord]
    ) -> None:
        cursor.executemany(
            _PARK,
            [
                {
                    "model": self._model.name, "generation": generation.number,
                    "topic": bad.topic, "partition": bad.partition, "offset": bad.offset,
                    "key": bad.key, "value": bad.value, "reason": storable(bad.reason),
                }
                for bad in parked
            ],
        )  # fmt: skip

    def _note_late(
        self, cursor: psycopg.Cursor, generation: Generation, rows: Mapping[str, pl.DataFrame]
    ) -> None:
        topics = {projection.sql.name: projection.topic for projection in self._model.projections}
        for table, frame in rows.items():
            for (partition,), part in frame.group_by("event_partition"):
                note_late(
                    cursor,
                    self._model.name,
                    generation.number,
                    topics[table],
                    int(str(partition)),
                    part["id"].to_list(),
                )

    def _resolve(
        self, cursor: psycopg.Cursor, generation: Generation, numbers: Sequence[int]
    ) -> None:
        cursor.execute(_RESOLVE, (self._model.name, generation.number, list(numbers)))
        if cursor.rowcount != len(numbers):
            raise DeadLettersMoved("another process has dealt with these dead letters")

    def _make_staging(self, generation: Generation, tables: Collection[str]) -> None:
        """See that there are staging tables, shaped as those of the generation."""
        if self._is_prepared_for(generation) and self._staged.issuperset(tables):
            return
        with self._transaction() as cursor:
            revision = self._enter(cursor, generation, generation.phase)
            self._prepare_for(cursor, generation, revision)
            for table in sorted(set(tables) - self._staged):
                cursor.execute(self._statements[table].create_staging)
                self._staged.add(table)

    def _is_prepared_for(self, generation: Generation) -> bool:
        return self._written == (generation.number, generation.schema)

    def _prepare_for(
        self, cursor: psycopg.Cursor, generation: Generation, revision: object
    ) -> None:
        if self._is_prepared_for(generation) and revision == self._revision:
            return
        self._staged.clear()
        for projection in self._model.projections:
            name = projection.sql.name
            cursor.execute(f"DROP TABLE IF EXISTS {quoted('pg_temp', f'stage_{name}')}")
            columns = columns_of(cursor.connection, generation.schema, name)
            self._statements[name] = TableStatements.of(projection, generation.schema, columns)
            if unknown := set(columns) - set(projection.sql.columns.keys()):
                log.warning(
                    "this release doesn't know %s of table %s and leaves it empty: start this "
                    "worker again with the release whose migrations were applied",
                    ", ".join(sorted(unknown)),
                    name,
                )
        self._written, self._revision = (generation.number, generation.schema), revision


def _bytes(value: bytes | None) -> bytes | None:
    return None if value is None else bytes(value)

"""Generations in PostgreSQL: a schema each, made by the read model's own migrations.

Implements `projections.ports.generations.Generations`. What happens to the tables themselves is in
`deferred` (keys and indexes), `carrying` (copying), `table_reader` (comparing) and `switch`.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors
from psycopg.types.json import Jsonb

from adapters.read_database import carrying, deferred, generation_rows
from adapters.read_database.connection import connect, quoted, storable, store_errors
from adapters.read_database.gate import name_generation
from adapters.read_database.generation_rows import (
    BUILDING,
    LOCK_KEY,
    PartitionClaims,
    target_as_json,
)
from adapters.read_database.late_changes import show_late_changes, show_log
from adapters.read_database.switch import HeldLive, hold_live
from adapters.read_database.table_reader import PostgresTableReader
from domain.failures import Refused
from migrations import run
from projections.ports.event_log import TopicPartition
from projections.ports.generations import (
    WHOLE,
    Generation,
    Phase,
    Purpose,
    RebuildRunning,
    Scope,
    Throughput,
)
from projections.read_model import ReadModel

log = logging.getLogger(__name__)

ENGINE_SCHEMA = "engine"
_PREDECESSOR = "2s"
"""How long the lock of a process that was just killed may outlive it."""


class PostgresGenerations:
    """All generations of one read model in one database."""

    def __init__(self, dsn: str, model: ReadModel) -> None:
        self._dsn = dsn
        self._model = model

    def migrate(self) -> None:
        """Bring the engine's tables, and the live generation's where there is one, up to date."""
        run.upgrade(self._dsn, "engine", ENGINE_SCHEMA)
        with self._connection() as connection:
            live = generation_rows.live_generation(connection, self._model.name)
            if live is not None:
                self._upgrade(connection, live)

    def update(self, generation: Generation) -> None:
        """See the port."""
        branch = self._model.migration_branch
        at = run.current(self._dsn, branch, generation.schema)
        if at not in {revision for revision, _ in run.history(branch)}:
            raise Refused(
                f"generation {generation.number} was made by a newer release than this one: its "
                f"tables are at {at}; switch to it with that release"
            )
        with self._connection() as connection:
            self._make_views(connection, generation.schema, generation.number)
        if at != run.newest(branch):
            log.warning(
                "generation %s was made by an older release: what is new in its tables stays "
                "empty until rows change, or until a rebuild",
                generation.number,
            )
            with self._connection() as connection:
                self._upgrade(connection, generation)

    def _upgrade(self, connection: psycopg.Connection, generation: Generation) -> None:
        """Migrate a generation's tables, and let those who write to them know."""
        branch = self._model.migration_branch
        run.upgrade(self._dsn, branch, generation.schema)
        self._make_views(connection, generation.schema, generation.number)
        self._note_revision(connection, generation.number)

    def _make_views(self, connection: psycopg.Connection, schema: str, number: int) -> None:
        name_generation(connection, schema, number)
        show_late_changes(connection, schema, self._model.name)
        show_log(connection, schema, self._model.name, number)

    def _note_revision(self, connection: psycopg.Connection, number: int) -> None:
        connection.execute(
            "UPDATE engine.generation SET revision = %s WHERE read_model = %s AND number = %s",
            (run.newest(self._model.migration_branch), self._model.name, number),
        )

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """See the port."""
        with self._connection() as connection:
            lock = (BUILDING, self._model.name)
            connection.execute(f"SET lock_timeout = '{_PREDECESSOR}'")
            try:
                connection.execute(f"SELECT pg_advisory_lock({LOCK_KEY})", lock)
            except errors.LockNotAvailable as error:
                raise RebuildRunning(
                    f"another process builds, verifies or switches generations of "
                    f"{self._model.name!r}; wait for it or stop it"
                ) from error
            try:
                yield
            finally:  # now, and not when the server has noticed that we are gone
                connection.execute(f"SELECT pg_advisory_unlock({LOCK_KEY})", lock)

    def all(self) -> list[Generation]:
        """See the port."""
        with self._connection() as connection:
            return generation_rows.generations(connection, self._model.name)

    def create(
        self,
        purpose: Purpose,
        target: Mapping[TopicPartition, int],
        *,
        live: bool = False,
        scope: Scope = WHOLE,
    ) -> Generation:
        """See the port."""
        with self._connection() as connection:
            (number,) = _one(
                connection,
                "SELECT coalesce(max(number), 0) + 1 FROM engine.generation WHERE read_model = %s",
                (self._model.name,),
            )
            schema = self._model.schema if live else f"{self._model.schema}_g{number}"
            if live:  # made before it is entered: it is never seen half made
                run.upgrade(self._dsn, self._model.migration_branch, schema)
            with connection.transaction():
                connection.execute(
                    "INSERT INTO engine.generation (read_model, number, schema_name, phase, "
                    "purpose, target, as_of, carried, switched_at) "
                    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, CASE WHEN %s THEN now() END)",
                    (
                        self._model.name, number, schema,
                        (Phase.LIVE if live else Phase.CREATING).value,
                        purpose.value, Jsonb(target_as_json(target)), scope.as_of,
                        Jsonb(sorted(scope.carried)), live,
                    ),
                )  # fmt: skip
                self._checkpoints_at_zero(connection, number, target)
                if live:
                    self._make_views(connection, schema, number)
                    self._note_revision(connection, number)
        created = self._generation(number)
        return created if live else self.resume(created)

    def resume(self, generation: Generation) -> Generation:
        """See the port."""
        begun = generation.phase in {Phase.FILLING, Phase.CATCHING_UP}
        if begun and self._is_outdated(generation):
            log.warning(
                "the migrations have changed since generation %s was begun: it begins anew",
                generation.number,
            )
            self._begin_anew(generation)
            generation = self._generation(generation.number)
        if generation.phase is Phase.CREATING:
            run.upgrade(self._dsn, self._model.migration_branch, generation.schema)
            with self._connection() as connection, connection.transaction():
                self._make_views(connection, generation.schema, generation.number)
                deferred.drop_indexes(connection, self._model, generation)
                self._note_revision(connection, generation.number)
                _advance(connection, generation, Phase.FILLING, None)
        return self._generation(generation.number)

    @contextmanager
    def claims(self, generation: Generation) -> Iterator[PartitionClaims]:
        """See the port."""
        with self._connection() as connection:
            yield PartitionClaims(connection, generation)

    def advance(self, generation: Generation, phase: Phase, note: str | None = None) -> Generation:
        """See the port."""
        with self._connection() as connection:
            _advance(connection, generation, phase, note)
        return self._generation(generation.number)

    def note_progress(self, generation: Generation, progress: Mapping[str, object]) -> None:
        """See the port."""
        with self._connection() as connection:
            connection.execute(
                "UPDATE engine.generation SET progress = %s, changed_at = now() "
                "WHERE read_model = %s AND number = %s",
                (Jsonb(dict(progress)), generation.read_model, generation.number),
            )

    def note_failure(self, generation: Generation, reason: str) -> None:
        """See the port."""
        with self._connection() as connection:
            connection.execute(
                "UPDATE engine.generation SET note = %s, changed_at = now() "
                "WHERE read_model = %s AND number = %s",
                (storable(reason), generation.read_model, generation.number),
            )

    def note_throughput(self, generation: Generation, phase: str, throughput: Throughput) -> None:
        """See the port."""
        with self._connection() as connection:
            connection.execute(
                "UPDATE engine.generation SET throughput = throughput || "
                "jsonb_build_object(%(phase)s::text, "
                "jsonb_build_array("
                "coalesce((throughput -> %(phase)s ->> 0)::bigint, 0) + %(offsets)s, "
                "coalesce((throughput -> %(phase)s ->> 1)::float8, 0) + %(seconds)s)) "
                "WHERE read_model = %(model)s AND number = %(number)s",
                {
                    "phase": phase, "offsets": throughput.offsets, "seconds": throughput.seconds,
                    "model": generation.read_model, "number": generation.number,
                },
            )  # fmt: skip

    @contextmanager
    def indexing(self, generation: Generation) -> Iterator[Callable[[str], None]]:
        """See the port."""
        with store_errors(), deferred.creating_indexes(self._dsn, generation) as take_up:
            yield take_up

    def finish(self, generation: Generation, report: Callable[[str], None]) -> Generation:
        """See the port."""
        with self._connection() as connection:
            carrying.carry_over(connection, self._model, generation)
        with store_errors():
            deferred.create_indexes(self._dsn, self._model, generation, report)
        return self.advance(generation, Phase.CATCHING_UP)

    @contextmanager
    def read(self, generation: Generation) -> Iterator[PostgresTableReader]:
        """See the port."""
        with self._connection() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield PostgresTableReader(connection, generation)

    @contextmanager
    def hold_live(self) -> Iterator[HeldLive]:
        """See the port."""
        with store_errors(), hold_live(self._dsn, self._model) as held:
            yield held

    def drop(self, generation: Generation) -> None:
        """See the port."""
        with self._connection() as connection, connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '5s'")
            (phase,) = _one(
                connection,
                "SELECT phase FROM engine.generation WHERE read_model = %s AND number = %s "
                "FOR UPDATE",
                (generation.read_model, generation.number),
            )
            if phase == Phase.LIVE:
                raise ValueError(f"generation {generation.number} is live and can't be dropped")
            connection.execute(f"DROP SCHEMA IF EXISTS {quoted(generation.schema)} CASCADE")
            for table in ("checkpoint", "dead_letter"):
                connection.execute(
                    f"DELETE FROM engine.{table} WHERE read_model = %s AND generation = %s",
                    (generation.read_model, generation.number),
                )
            _advance(connection, generation, Phase.DROPPED, generation.note)

    def _is_outdated(self, generation: Generation) -> bool:
        branch = self._model.migration_branch
        return run.current(self._dsn, branch, generation.schema) != run.newest(branch)

    def _begin_anew(self, generation: Generation) -> None:
        with self._connection() as connection, connection.transaction():
            connection.execute(f"DROP SCHEMA {quoted(generation.schema)} CASCADE")
            connection.execute(
                "DELETE FROM engine.dead_letter WHERE read_model = %s AND generation = %s",
                (generation.read_model, generation.number),
            )
            connection.execute(
                "UPDATE engine.checkpoint SET position = 0, topic_id = NULL "
                "WHERE read_model = %s AND generation = %s",
                (generation.read_model, generation.number),
            )
            connection.execute(
                "UPDATE engine.generation SET lacking = '{}' WHERE read_model = %s AND number = %s",
                (generation.read_model, generation.number),
            )
            _advance(connection, generation, Phase.CREATING, None)

    def _checkpoints_at_zero(
        self, connection: psycopg.Connection, number: int, target: Mapping[TopicPartition, int]
    ) -> None:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO engine.checkpoint (read_model, generation, topic, partition, position)"
                " VALUES (%s, %s, %s, %s, 0)",
                [(self._model.name, number, *partition) for partition in target],
            )

    def _generation(self, number: int) -> Generation:
        with self._connection() as connection:
            found = generation_rows.generations(connection, self._model.name, "number = %s", number)
        return found[0]

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        with store_errors(), connect(self._dsn, "generations") as connection:
            yield connection


def _one(connection: psycopg.Connection, sql: str, values: tuple[object, ...]) -> tuple[Any, ...]:
    row = connection.execute(sql, values).fetchone()
    if row is None:
        raise LookupError(f"no row for {values}")
    return row


def _advance(
    connection: psycopg.Connection, generation: Generation, phase: Phase, note: str | None
) -> None:
    connection.execute(
        "UPDATE engine.generation SET phase = %s, note = %s, progress = '{}', changed_at = now() "
        "WHERE read_model = %s AND number = %s",
        (phase.value, note, generation.read_model, generation.number),
    )

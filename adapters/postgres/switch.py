"""The switch of two generations in one transaction.

Readers name tables `catalog.track`. The names of one statement are looked up one after another, so
a bare rename lets a statement mix two generations. Hence all relations of the live schema are
locked against readers first, under a short timeout: readers wait for milliseconds or, where one of
them holds on for longer, the switch is given up and tried again.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from adapters.postgres import generation_rows
from adapters.postgres.connection import quoted
from adapters.postgres.generation_rows import LOCK_KEY, WRITING
from projections.ports import TopicPartition
from projections.read_model import ReadModel
from projections.store import Generation, Phase, ReadersInTheWay

READERS_WAIT = "200ms"
"""How long readers may have to queue behind the switch before it gives way to them."""


@contextmanager
def hold_live(connection: psycopg.Connection, model: ReadModel) -> Iterator["HeldLive"]:
    """Keep all workers from writing until the context ends."""
    with connection.transaction():
        connection.execute(f"SELECT pg_advisory_xact_lock({LOCK_KEY})", (WRITING, model.name))
        yield HeldLive(connection, model)


class HeldLive:
    """Implements `projections.store.LiveHeld` within an open transaction."""

    def __init__(self, connection: psycopg.Connection, model: ReadModel) -> None:
        self.generation = generation_rows.live_generation(connection, model.name)
        self._connection = connection
        self._model = model

    def checkpoints(self) -> dict[TopicPartition, int]:
        """See the port."""
        if self.generation is None:
            return {}
        return generation_rows.checkpoints(
            self._connection, self._model.name, self.generation.number
        )

    def switch(self, successor: Generation) -> None:
        """See the port."""
        try:
            with self._connection.transaction():  # a savepoint: workers stay held off
                self._connection.execute(f"SET LOCAL lock_timeout = '{READERS_WAIT}'")
                if self.generation is not None:
                    self._retire(self.generation)
                self._rename(successor.schema, self._model.schema)
                self._mark(successor, Phase.LIVE, self._model.schema)
        except errors.LockNotAvailable as error:
            raise ReadersInTheWay(
                f"readers keep their locks on schema {self._model.schema!r} for longer than "
                f"{READERS_WAIT}: {self._readers()}"
            ) from error

    def _retire(self, live: Generation) -> None:
        relations = self._connection.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v') ORDER BY c.relname",
            (live.schema,),
        )
        names = ", ".join(quoted(live.schema, str(name)) for (name,) in relations)
        self._connection.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
        former = f"{self._model.schema}_g{live.number}"
        self._rename(live.schema, former)
        self._mark(live, Phase.RETIRED, former)

    def _rename(self, old: str, new: str) -> None:
        self._connection.execute(f"ALTER SCHEMA {quoted(old)} RENAME TO {quoted(new)}")

    def _mark(self, generation: Generation, phase: Phase, schema: str) -> None:
        self._connection.execute(
            "UPDATE engine.generation SET phase = %s, schema_name = %s, changed_at = now(), "
            "switched_at = CASE WHEN %s THEN now() ELSE switched_at END "
            "WHERE read_model = %s AND number = %s",
            (
                phase.value, schema, phase is Phase.LIVE,
                generation.read_model, generation.number,
            ),
        )  # fmt: skip

    def _readers(self) -> str:
        rows = self._connection.execute(
            "SELECT DISTINCT a.pid, a.application_name FROM pg_locks l "
            "JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_stat_activity a ON a.pid = l.pid "
            "WHERE n.nspname = %s AND l.granted AND l.pid <> pg_backend_pid() ORDER BY 1 LIMIT 10",
            (self._model.schema,),
        )
        listed = ", ".join(f"pid {pid} {name}".strip() for pid, name in rows)
        return listed or "they have just let go"

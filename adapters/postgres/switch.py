"""The switch of two generations in one transaction, and the gate that keeps readers out meanwhile.

Readers name tables `catalog.track`. The names of one statement are looked up one after another, so
a bare rename lets a statement mix two generations. Hence nobody may be between two look-ups while
the rename is committed: all tables and views of the live schema are locked against readers first.

One transaction that locks them one after another would hardly ever get through a crowd: a reader
that comes while it waits takes the tables further down and waits for those further up. So every
relation is asked for at the same moment, on a connection of its own: whoever comes then waits at
its first table, holding nothing, and those who are reading finish. A reader that was just between
two look-ups makes the attempt fail after some milliseconds; then it is made again at once, and as
statements may simply be long, a little more patiently each time.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager

import psycopg
from psycopg import errors

from adapters.postgres import generation_rows
from adapters.postgres.connection import connect, quoted
from adapters.postgres.generation_rows import LOCK_KEY, live_generation, writing
from projections.ports import TopicPartition
from projections.read_model import ReadModel
from projections.store import Generation, Phase, ReadersInTheWay

ATTEMPTS = (10, 10, 10, 20, 20, 20, 40, 40, 80, 160)
"""Milliseconds for which each attempt lets readers wait; workers wait for all of them."""


@contextmanager
def hold_live(dsn: str, model: ReadModel) -> Iterator["HeldLive"]:
    """Keep all workers from writing to the live generation until the context ends.

    Only who holds the lock for building may do so: nobody else makes another generation live.
    """
    with ExitStack() as gate, connect(dsn, "switch") as connection:
        live = live_generation(connection, model.name)
        keepers = [
            (gate.enter_context(connect(dsn, "gate")), statement)
            for statement in _locks(connection, live)
        ]
        with connection.transaction():
            if live is not None:
                lock = (writing(live.number), model.name)
                connection.execute(f"SELECT pg_advisory_xact_lock({LOCK_KEY})", lock)
            yield HeldLive(connection, model, live, keepers)
        # The transaction is over before the gate opens, as its connections are closed.


def _locks(connection: psycopg.Connection, live: Generation | None) -> list[str]:
    """A statement for each table and view of the live generation that locks it against readers."""
    if live is None:
        return []
    rows = connection.execute(
        "SELECT c.relname, c.relkind = 'v' FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s "
        "AND c.relkind IN ('r', 'p', 'v') AND c.relname <> 'alembic_version'",
        (live.schema,),
    )
    return [_lock_of(quoted(live.schema, str(name)), bool(is_view)) for name, is_view in rows]


def _lock_of(relation: str, is_view: bool) -> str:
    if is_view:
        # LOCK TABLE would lock the view's tables too, which others hold. This locks the view
        # itself, and is rolled back.
        return f"ALTER VIEW {relation} RESET (security_barrier)"
    return f"LOCK TABLE {relation} IN ACCESS EXCLUSIVE MODE"


class HeldLive:
    """Implements `projections.store.LiveHeld` within an open transaction."""

    def __init__(
        self,
        connection: psycopg.Connection,
        model: ReadModel,
        live: Generation | None,
        keepers: list[tuple[psycopg.Connection, str]],
    ) -> None:
        self.generation = live
        self._connection = connection
        self._model = model
        self._keepers = keepers

    def checkpoints(self) -> dict[TopicPartition, int]:
        """See the port."""
        if self.generation is None:
            return {}
        return generation_rows.checkpoints(
            self._connection, self._model.name, self.generation.number
        )

    def switch(self, successor: Generation) -> None:
        """See the port."""
        self._close_gate()
        if self.generation is not None:
            former = f"{self._model.schema}_g{self.generation.number}"
            self._rename(self.generation.schema, former)
            self._mark(self.generation, Phase.RETIRED, former)
        self._rename(successor.schema, self._model.schema)
        self._mark(successor, Phase.LIVE, self._model.schema)

    def _close_gate(self) -> None:
        with ThreadPoolExecutor(max(1, len(self._keepers))) as pool:
            for patience in ATTEMPTS:
                tries = [pool.submit(_lock, *keeper, patience) for keeper in self._keepers]
                wait(tries)
                if all(one.result() for one in tries):
                    return
                readers = self._readers()
                for keeper, _ in self._keepers:
                    keeper.rollback()
        raise ReadersInTheWay(
            f"readers keep their locks on schema {self._model.schema!r} for longer than "
            f"{ATTEMPTS[-1]} ms, or there are too many: {readers}"
        )

    def _rename(self, old: str, new: str) -> None:
        self._connection.execute(f"ALTER SCHEMA {quoted(old)} RENAME TO {quoted(new)}")

    def _mark(self, generation: Generation, phase: Phase, schema: str) -> None:
        self._connection.execute(
            "UPDATE engine.generation SET phase = %s, schema_name = %s, progress = '{}', "
            "changed_at = now(), "
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
            "WHERE n.nspname = %s AND l.granted AND a.application_name <> 'catalog gate' "
            "ORDER BY 1 LIMIT 10",
            (self._model.schema,),
        )
        listed = ", ".join(f"pid {pid} {name}".strip() for pid, name in rows)
        return listed or "they have just let go"


def _lock(keeper: psycopg.Connection, statement: str, patience: int) -> bool:
    """Whether the lock was had within `patience` milliseconds."""
    keeper.execute("BEGIN")
    keeper.execute(f"SET LOCAL lock_timeout = {patience}")
    try:
        keeper.execute(statement)
    except errors.LockNotAvailable:
        return False
    return True

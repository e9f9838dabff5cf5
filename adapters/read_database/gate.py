"""The gate that keeps readers out of the live schema for the moment of a switch.

Readers name tables `catalog.track`. The names of one statement are looked up one after another, so
a bare rename lets a statement mix two generations. Hence nobody may be between two look-ups while
the rename is committed: all tables and views of the live schema are locked against readers first.

Whoever reads politely names the view `generation` before anything else; it says which generation a
statement reads. It is locked first: polite readers that come then wait there and hold nothing,
those that are reading finish, and after that none of them holds a lock.

Others may still be between two look-ups. One transaction that locks table by table would hardly
ever get through a crowd of them: a reader that comes while it waits takes the tables further down
and waits for those further up. So every relation is asked for at the same instant, on a connection
of its own: whoever comes then waits at its first table, and those who are reading finish. A reader
that was just between two look-ups makes the attempt fail after some milliseconds; then it is made
again at once, and as statements may simply be long, a little more patiently each time.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psycopg
from psycopg import errors

from adapters.read_database.connection import connect, quoted
from projections.ports.generations import Generation, ReadersInTheWay

VIEW = "generation"
"""View in every generation's schema: one row, `number`."""
ATTEMPTS = (10, 10, 10, 20, 20, 20, 40, 40, 80, 160)
"""Milliseconds for which each attempt lets readers wait; workers wait for all of them."""
POLITE = 10
"""How many times longer an attempt waits for polite readers: their statements just have to end."""


def name_generation(connection: psycopg.Connection, schema: str, number: int) -> None:
    """Make the view that says which generation a schema is."""
    connection.execute(
        f"CREATE OR REPLACE VIEW {quoted(schema, VIEW)} AS SELECT {number:d} AS number"
    )


class Gate:
    """Locks all relations of one generation against readers, in a transaction of the caller's."""

    def __init__(
        self,
        connection: psycopg.Connection,
        live: Generation,
        lockers: list[tuple[psycopg.Connection, str]],
    ) -> None:
        self._connection = connection
        self._schema = live.schema
        self._lockers = lockers

    def close(self) -> None:
        """Lock everything, until the transaction and the connections of `gate` end.

        Raises ReadersInTheWay where no attempt has got through; then nothing is locked.
        """
        readers = ""
        with ThreadPoolExecutor(len(self._lockers)) as pool:
            for patience in ATTEMPTS:
                try:
                    with self._connection.transaction():  # its locks go with it where it fails
                        self._lock_all(pool, patience)
                except errors.LockNotAvailable:
                    readers = self._readers()
                    for connection, _ in self._lockers:
                        connection.rollback()
                else:
                    return
        raise ReadersInTheWay(
            f"readers keep their locks on schema {self._schema!r} for longer than "
            f"{ATTEMPTS[-1]} ms, or there are too many: {readers}"
        )

    def _lock_all(self, pool: ThreadPoolExecutor, patience: int) -> None:
        view = quoted(self._schema, VIEW)
        _lock(self._connection, f"LOCK TABLE {view}", patience * POLITE)
        tries = [pool.submit(_begin, *one, patience) for one in self._lockers]
        for failure in [one.exception() for one in tries]:  # all of them are awaited first
            if failure is not None:
                raise failure

    def _readers(self) -> str:
        rows = self._connection.execute(
            "SELECT DISTINCT a.pid, a.application_name FROM pg_locks l "
            "JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_stat_activity a ON a.pid = l.pid "
            "WHERE n.nspname = %s AND l.granted AND a.pid <> pg_backend_pid() "
            "AND a.application_name <> 'catalog gate' ORDER BY 1 LIMIT 10",
            (self._schema,),
        )
        listed = ", ".join(f"pid {pid} {name}".strip() for pid, name in rows)
        return listed or "they have just let go"


@contextmanager
def gate(dsn: str, connection: psycopg.Connection, live: Generation) -> Iterator[Gate]:
    """The gate before a generation. It opens when the context ends: end the transaction first."""
    with ExitStack() as stack:
        lockers = [
            (stack.enter_context(connect(dsn, "gate")), statement)
            for statement in _locks(connection, live)
        ]
        yield Gate(connection, live, lockers)


def _locks(connection: psycopg.Connection, live: Generation) -> list[str]:
    """A statement for each table and view of the generation that locks it against readers."""
    rows = connection.execute(
        "SELECT c.relname, c.relkind = 'v' FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s "
        "AND c.relkind IN ('r', 'p', 'v') AND c.relname NOT IN ('alembic_version', %s)",
        (live.schema, VIEW),
    )
    return [_lock_of(quoted(live.schema, str(name)), bool(is_view)) for name, is_view in rows]


def _lock_of(relation: str, is_view: bool) -> str:
    if is_view:
        # LOCK TABLE would lock the view's tables too, which others hold. This locks the view
        # itself, and is rolled back.
        return f"ALTER VIEW {relation} RESET (security_barrier)"
    return f"LOCK TABLE {relation}"


def _begin(locker: psycopg.Connection, statement: str, patience: int) -> None:
    locker.execute("BEGIN")
    _lock(locker, statement, patience)


def _lock(connection: psycopg.Connection, statement: str, patience: int) -> None:
    """Raises LockNotAvailable after `patience` milliseconds."""
    connection.execute(f"SET LOCAL lock_timeout = {patience}")
    connection.execute(statement)

"""The keys and indexes that a new generation's tables get only after they are filled.

They are dropped once its schema is made, and what creates them again is kept beside the tables; it
leaves in the transaction that it is executed in, so whoever goes on later knows what is left.
"""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from queue import SimpleQueue
from threading import Event
from typing import Any

import psycopg

from adapters.read_database.connection import connect, quoted
from projections.ports.generations import Generation
from projections.read_model import ReadModel

log = logging.getLogger(__name__)

_Work = Callable[[psycopg.Connection], None]
_TABLE = "deferred"
_CANCEL_SECONDS = 2.0
AT_ONCE = 2
"""Indexes that are made at the same time, each by as many of PostgreSQL's workers as it likes."""


def drop_indexes(connection: psycopg.Connection, model: ReadModel, generation: Generation) -> None:
    """Drop keys and indexes of all tables of a generation; within the caller's transaction."""
    kept = quoted(generation.schema, _TABLE)
    connection.execute(
        f"CREATE TABLE {kept} (number int GENERATED ALWAYS AS IDENTITY, tablename text NOT NULL, "
        "make text, attach text)"
    )
    for projection in model.projections:
        table = quoted(generation.schema, projection.sql.name)
        for name, constraint, make in _indexes(connection, table):
            attach = None
            if constraint is None:
                connection.execute(f"DROP INDEX {quoted(generation.schema, name)}")
            else:
                connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {quoted(name)}")
                attach = (
                    f"ALTER TABLE {table} ADD CONSTRAINT {quoted(name)} {constraint} "
                    f"USING INDEX {quoted(name)}"
                )
            connection.execute(
                f"INSERT INTO {kept} (tablename, make, attach) VALUES (%s, %s, %s)",
                (projection.sql.name, make, attach),
            )


def _indexes(connection: psycopg.Connection, table: str) -> list[tuple[str, str | None, str]]:
    """(name, kind of its constraint if it has one, statement that makes the index)."""
    return connection.execute(
        "SELECT c.relname, CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' END, "
        "pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid "
        "WHERE i.indrelid = %s::regclass AND coalesce(k.contype, 'p') IN ('p', 'u') "
        "ORDER BY k.contype NULLS LAST, c.relname",
        (table,),
    ).fetchall()


def indexes_to_come(cursor: psycopg.Cursor[Any], schema: str, table: str) -> list[str]:
    """The statements that will make the indexes of a table that is being filled."""
    cursor.execute(
        f"SELECT make FROM {quoted(schema, _TABLE)} WHERE tablename = %s AND make IS NOT NULL "
        "ORDER BY number",
        (table,),
    )
    return [str(make) for (make,) in cursor]


def create_indexes(
    dsn: str, model: ReadModel, generation: Generation, report: Callable[[str], None]
) -> None:
    """Make all that is left to make, several at a time, largest table first; then analyse.

    `report` gets each table's name when it is taken up. Raises RowsRefused, StoreBusy.
    """
    kept = quoted(generation.schema, _TABLE)
    tables = [projection.sql.name for projection in model.projections]
    told: set[str] = set()
    with connect(dsn, "indexing") as connection, _makers(dsn, AT_ONCE) as submit:
        left = connection.execute(
            f"SELECT number, tablename FROM {kept} WHERE make IS NOT NULL "
            "ORDER BY pg_relation_size(format('%%I.%%I', %s::text, tablename)) DESC, number",
            (generation.schema,),
        ).fetchall()
        for step in (
            [(name, partial(_make, kept=kept, number=number)) for number, name in left],
            [(name, partial(_attach, generation=generation, name=name)) for name in tables],
        ):
            running = [(name, submit(work)) for name, work in step]
            for name, one in running:
                if name not in told:
                    told.add(name)
                    report(name)
                one.result()
        connection.execute(f"DROP TABLE {kept}")


@contextmanager
def creating_indexes(dsn: str, generation: Generation) -> Iterator[Callable[[str], None]]:
    """Tables that are named inside get what they lack meanwhile, one after another.

    What is under way at the end is waited for, the rest left to `create_indexes`; so is what
    fails, which fails there again if it isn't past.
    """
    kept = quoted(generation.schema, _TABLE)
    begun: list[Future[None]] = []

    def make(connection: psycopg.Connection, table: str) -> None:
        numbers = connection.execute(
            f"SELECT number FROM {kept} WHERE tablename = %s AND make IS NOT NULL ORDER BY number",
            (table,),
        ).fetchall()
        for (number,) in numbers:
            _make(connection, kept, number)
        _attach(connection, generation, table)

    with _makers(dsn, 1) as submit:
        yield lambda table: begun.append(submit(partial(make, table=table)))
        for one in begun:
            if not one.cancel() and (error := one.exception()) is not None:
                log.info("indexes are left to the end: %s", error)


@contextmanager
def _makers(dsn: str, count: int) -> Iterator[Callable[[_Work], Future[None]]]:
    """A function that has work done in a transaction of its own, `count` at a time.

    Where the context fails, what is under way is given up: it might take minutes.
    """
    free = SimpleQueue[psycopg.Connection]()
    begun: list[Future[None]] = []
    stopped = Event()

    def run(work: _Work) -> None:
        connection = free.get()
        try:
            if not stopped.is_set():
                with connection.transaction():
                    work(connection)
        finally:
            free.put(connection)

    with ExitStack() as stack:
        connections = [stack.enter_context(connect(dsn, "indexing")) for _ in range(count)]
        for connection in connections:
            connection.execute("SET maintenance_work_mem = '128MB'")
            free.put(connection)
        pool = stack.enter_context(ThreadPoolExecutor(count))

        def submit(work: _Work) -> Future[None]:
            begun.append(pool.submit(run, work))
            return begun[-1]

        try:
            yield submit
        except BaseException:
            stopped.set()
            while running := [one for one in begun if not one.cancel() and not one.done()]:
                for connection in connections:  # again, if it was between two statements
                    with suppress(psycopg.Error):
                        connection.cancel_safe(timeout=_CANCEL_SECONDS)
                wait(running, timeout=0.1)
            raise


def _make(connection: psycopg.Connection, kept: str, number: int) -> None:
    row = connection.execute(
        f"SELECT make, attach FROM {kept} WHERE number = %s FOR UPDATE", (number,)
    ).fetchone()
    if row is None or row[0] is None:
        return
    connection.execute(row[0])
    if row[1] is None:
        connection.execute(f"DELETE FROM {kept} WHERE number = %s", (number,))
    else:
        connection.execute(f"UPDATE {kept} SET make = NULL WHERE number = %s", (number,))


def _attach(connection: psycopg.Connection, generation: Generation, name: str) -> None:
    rows = connection.execute(
        f"DELETE FROM {quoted(generation.schema, _TABLE)} WHERE tablename = %s RETURNING attach",
        (name,),
    ).fetchall()
    if not rows:  # done, and analysed, before
        return
    for (statement,) in rows:
        connection.execute(statement)
    connection.execute(f"ANALYZE {quoted(generation.schema, name)}")

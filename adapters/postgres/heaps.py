"""The bare tables that a rebuild fills, and how they become the real ones.

A heap stands beside each table of the generation: unlogged, without key or index, with every
version of every row that was appended. A marker row in an unlogged table tells whether the database
has lost them: PostgreSQL empties unlogged tables after a crash.
"""

from collections.abc import Callable

import psycopg

from adapters.postgres.connection import quoted
from adapters.postgres.rows import columns_of, heap_name
from projections.read_model import EVENT_COLUMNS, REMOVED, Projection, ReadModel
from projections.store import Generation

_MARKER = "heap_marker"


class HeapsLost(Exception):
    """The database crashed while a rebuild ran and has lost what was not yet logged."""


def create(connection: psycopg.Connection, model: ReadModel, generation: Generation) -> None:
    """Make all heaps and the marker, empty."""
    for projection in model.projections:
        name = projection.sql.name
        heap = quoted(generation.schema, heap_name(name))
        connection.execute(f"DROP TABLE IF EXISTS {heap}")
        connection.execute(
            f"CREATE UNLOGGED TABLE {heap} AS SELECT *, false AS {quoted(REMOVED)} "
            f"FROM {quoted(generation.schema, name)} WITH NO DATA"
        )
        if condition := _not_null(projection):
            connection.execute(f"ALTER TABLE {heap} ADD CHECK ({condition})")
    marker = quoted(generation.schema, _MARKER)
    connection.execute(f"DROP TABLE IF EXISTS {marker}")
    connection.execute(f"CREATE UNLOGGED TABLE {marker} AS SELECT true AS filled")


def are_intact(connection: psycopg.Connection, model: ReadModel, generation: Generation) -> bool:
    """Whether the heaps hold what was put there and still have their tables' columns.

    A heap that is gone has been finished, which is well too.
    """
    if not _marked(connection, generation):
        return False
    for projection in model.projections:
        name = projection.sql.name
        heap = columns_of(connection, generation.schema, heap_name(name))
        if heap and heap != [*columns_of(connection, generation.schema, name), REMOVED]:
            return False
    return True


def _marked(connection: psycopg.Connection, generation: Generation) -> bool:
    if not columns_of(connection, generation.schema, _MARKER):
        return False
    marker = quoted(generation.schema, _MARKER)
    return connection.execute(f"SELECT 1 FROM {marker}").fetchone() is not None


def drop_marker(connection: psycopg.Connection, generation: Generation) -> None:
    """All tables are logged: nothing can be lost any more."""
    connection.execute(f"DROP TABLE IF EXISTS {quoted(generation.schema, _MARKER)}")


def finish(
    connection: psycopg.Connection,
    model: ReadModel,
    generation: Generation,
    report: Callable[[str], None],
) -> None:
    """Make each table of its heap, in a transaction each. Raises HeapsLost."""
    for projection in model.projections:
        name = projection.sql.name
        if not columns_of(connection, generation.schema, heap_name(name)):
            continue  # done before this process was started again
        report(name)
        with connection.transaction():
            _finish_table(connection, generation, name)


def _finish_table(connection: psycopg.Connection, generation: Generation, name: str) -> None:
    table = quoted(generation.schema, name)
    heap = quoted(generation.schema, heap_name(name))
    columns = ", ".join(map(quoted, columns_of(connection, generation.schema, name)))
    connection.execute("SET LOCAL maintenance_work_mem = '128MB'")
    connection.execute("SET LOCAL work_mem = '128MB'")
    connection.execute("SET LOCAL synchronous_commit = on")
    connection.execute(f"TRUNCATE {table}")
    put_back = take_off_indexes(connection, generation.schema, name)
    # Checked in the transaction that reads the heap: a crash may have come at any moment before.
    if not _marked(connection, generation):
        raise HeapsLost(
            f"the database has lost the unlogged rows of generation {generation.number} in a "
            "crash; start the rebuild again: it begins anew by itself"
        )
    connection.execute(
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM "
        f"(SELECT DISTINCT ON (id) * FROM {heap} ORDER BY id, event_offset DESC) AS newest "
        f"WHERE NOT {quoted(REMOVED)}"
    )
    for statement in put_back:
        connection.execute(statement)
    connection.execute(f"DROP TABLE {heap}")
    connection.execute(f"ANALYZE {table}")


def take_off_indexes(connection: psycopg.Connection, schema: str, name: str) -> list[str]:
    """Drop a table's keys and indexes; returns the statements that make them again."""
    table = quoted(schema, name)
    constraints = connection.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = %s::regclass AND contype IN ('p', 'u', 'x') ORDER BY contype, conname",
        (table,),
    ).fetchall()
    indexes = connection.execute(
        "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = %s::regclass "
        "AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid) "
        "ORDER BY c.relname",
        (table,),
    ).fetchall()
    again = []
    for constraint, definition in constraints:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {quoted(constraint)}")
        again.append(f"ALTER TABLE {table} ADD CONSTRAINT {quoted(constraint)} {definition}")
    for index, definition in indexes:
        connection.execute(f"DROP INDEX {quoted(schema, index)}")
        again.append(definition)
    return again


def _not_null(projection: Projection) -> str:
    """A condition that rows, but not removals, must meet: found at once, not at the end."""
    must = [
        f"{quoted(column.name)} IS NOT NULL"
        for column in projection.sql.columns
        if not column.nullable and column.name not in {"id", *EVENT_COLUMNS}
    ]
    return f"{quoted(REMOVED)} OR ({' AND '.join(must)})" if must else ""

"""A PostgreSQL database as a source: its tables' columns and keys, and some of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from adapters.source import replica
from adapters.source.definition import Source
from domain.failures import Misconfigured

_AS_THEY_ARE = frozenset(
    {
        "smallint", "integer", "bigint", "numeric", "real", "double precision", "boolean", "text",
        "character varying", "uuid", "date", "timestamp without time zone", "bytea", "jsonb",
        "timestamp with time zone", "time without time zone", "text[]", "integer[]", "bigint[]",
    }
)  # fmt: skip
_INSTEAD = {"json": "jsonb", "character": "text", "character varying[]": "text[]"}

_COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, NULL),
           coalesce(a.attnum = ANY(i.indkey), false), array_position(i.indkey::int[], a.attnum::int)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s))
      AND (%(table)s::text IS NULL OR c.relname = %(table)s)
      AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    ORDER BY c.relname, a.attnum"""
_REFERENCES = """
    SELECT c.relname, a.attname, f.relname, fa.attname
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_class f ON f.oid = k.confrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
    JOIN pg_attribute fa ON fa.attrelid = f.oid AND fa.attnum = k.confkey[1]
    WHERE k.contype = 'f' AND cardinality(k.conkey) = 1
      AND c.relnamespace = to_regnamespace(quote_ident(%(schema)s))
      AND f.relnamespace = c.relnamespace ORDER BY 1, 2"""


@dataclass(frozen=True)
class Reference:
    """A column that names a row of another table."""

    column: str
    table: str
    its: str
    """That table's column."""


@dataclass(frozen=True)
class FoundTable:
    """A table as the database has it."""

    name: str
    key: tuple[str, ...]
    columns: dict[str, str]
    """Column → type of a replica."""
    references: tuple[Reference, ...] = ()
    original: str = ""
    """What the source calls it, where the replica folds names; else empty."""
    original_key: tuple[str, ...] = ()
    """The same of its key."""


def tables(connection: psycopg.Connection, schema: str) -> list[FoundTable]:
    """All tables of a schema, a partitioned one as one. Raises Misconfigured where it has none."""
    columns: dict[str, dict[str, str]] = {}
    keys: dict[str, list[tuple[int, str]]] = {}
    asked = {"schema": schema, "table": None}
    for table, name, type_, _, place in connection.execute(_COLUMNS, asked):
        columns.setdefault(table, {})[name] = _type(type_)
        if place is not None:
            keys.setdefault(table, []).append((place, name))
    references: dict[str, list[Reference]] = {}
    for table, *reference in connection.execute(_REFERENCES, asked):
        references.setdefault(table, []).append(Reference(*reference))
    if not columns:
        raise Misconfigured(f"the source's database has no table in the schema {schema}")
    return [
        FoundTable(
            table,
            tuple(name for _, name in sorted(keys.get(table, []))),
            of,
            tuple(references.get(table, ())),
        )
        for table, of in columns.items()
    ]


def columns(connection: psycopg.Connection, source: Source) -> dict[str, dict[str, str]]:
    """Table → column → type of the replica, of each table that the source names.

    Lengths and scales are left out, so that they may be widened; what has no equal here is text.
    Raises Misconfigured where a table isn't there or its key isn't what the source says.
    """
    found = {}
    for table in source.tables.values():
        rows = connection.execute(
            _COLUMNS, {"schema": source.schema, "table": table.name}
        ).fetchall()
        if not rows:
            raise Misconfigured(f"the source has no table {source.schema}.{table.name}")
        key = {name for _, name, _, is_key, _ in rows if is_key}
        if key != set(table.key):
            shown = ", ".join(sorted(key)) or "none"
            raise Misconfigured(
                f"tables.{table.name}: key is {', '.join(table.key)}, the source's primary key is"
                f" {shown}"
            )
        of_source = {name: _type(type_) for _, name, type_, _, _ in rows}
        if missing := table.columns.keys() - of_source.keys():
            raise Misconfigured(f"the source's {table.name} has no column {sorted(missing)[0]}")
        found[table.name] = dict(table.columns) or of_source
    return found


def faults(connection: psycopg.Connection) -> list[str]:
    """What at its server stands in the way of capture, with what to do."""
    row = connection.execute("SELECT current_setting('wal_level')").fetchone()
    if row is not None and row[0] != "logical":
        return [
            f"the source's server has wal_level {row[0]}: set it to logical and start it again"
            " (ALTER SYSTEM SET wal_level = logical)"
        ]
    return []


def copy_rows(
    origin: psycopg.Connection, connection: psycopg.Connection, source: Source, most: int
) -> list[str]:
    """Copy rows of the source into its replica, at most so many a table.

    For a look before anything is applied, inside a transaction that is rolled back. Returns the
    tables that have more.
    """
    cut = []
    for table in source.tables.values():
        of = replica.columns_of(connection, source, table.name)
        listed = sql.SQL(", ").join(
            sql.SQL("{}::{}").format(sql.Identifier(c), sql.SQL(t)) for c, t in of.items()
        )
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(
            replica.name_of(source, table.name), replica.names(list(of))
        )
        rows = sql.SQL("COPY (SELECT {} FROM {} LIMIT {}) TO STDOUT").format(
            listed, sql.Identifier(source.schema, table.name), sql.Literal(most)
        )
        with (
            origin.cursor() as reading,
            connection.cursor() as writing,
            reading.copy(rows) as given,
            writing.copy(into) as taken,
        ):
            for block in given:
                taken.write(block)
        if writing.rowcount >= most:
            cut.append(table.name)
    return cut


def digests(
    connection: psycopg.Connection, table: sql.Identifier, key: Sequence[str], of: dict[str, str]
) -> dict[int, tuple[int, str]]:
    """Bucket of keys → (rows, digest of them), the same for the same rows in any PostgreSQL."""
    for name, value in (
        *(("TimeZone", "UTC"), ("DateStyle", "ISO"), ("IntervalStyle", "postgres")),
        *(("extra_float_digits", "1"), ("bytea_output", "hex")),
    ):
        connection.execute("SELECT set_config(%s, %s, true)", (name, value))
    listed = sql.SQL(", ").join(
        sql.SQL("{}::{}").format(sql.Identifier(c), sql.SQL(t)) for c, t in of.items()
    )
    keys = sql.SQL(", ").join(
        sql.SQL("{}::{}").format(sql.Identifier(k), sql.SQL(of[k])) for k in key
    )
    rows = connection.execute(
        sql.SQL(
            "SELECT hashtext(ROW({keys})::text) & 1023, count(*),"
            " sum(hashtextextended(ROW({row})::text, 0))::text FROM {table} GROUP BY 1"
        ).format(keys=keys, row=listed, table=table)
    )
    return {bucket: (count, digest) for bucket, count, digest in rows}


def differing(
    connection: psycopg.Connection, origin: psycopg.Connection, source: Source, table: str
) -> int:
    """How many of a table's rows lie in buckets that differ between replica and source; 0: none.

    Each side is read in a transaction of its own.
    """
    of = replica.columns_of(connection, source, table)
    key = source.tables[table].key
    with connection.transaction():
        ours = digests(connection, replica.name_of(source, table), key, of)
    with origin.transaction():
        theirs = digests(origin, sql.Identifier(source.schema, table), key, of)
    return sum(
        max(ours.get(bucket, (0, ""))[0], theirs.get(bucket, (0, ""))[0])
        for bucket in ours.keys() | theirs.keys()
        if ours.get(bucket) != theirs.get(bucket)
    )


def _type(type_: str) -> str:
    return type_ if type_ in _AS_THEY_ARE else _INSTEAD.get(type_, "text")

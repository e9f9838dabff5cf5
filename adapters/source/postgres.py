"""A PostgreSQL database as a source: its tables' columns and keys."""

from __future__ import annotations

import psycopg

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


def columns(connection: psycopg.Connection, source: Source) -> dict[str, dict[str, str]]:
    """Table → column → type of the replica, of each table that the source names.

    Lengths and scales are left out, so that they may be widened; what has no equal here is text.
    Raises Misconfigured where a table isn't there or its key isn't what the source says.
    """
    found = {}
    for table in source.tables.values():
        rows = connection.execute(
            "SELECT a.attname, format_type(a.atttypid, NULL), coalesce(a.attnum = ANY(i.indkey),"
            " false) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary"
            " WHERE c.relnamespace = to_regnamespace(quote_ident(%s)) AND c.relname = %s"
            " AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped"
            " AND a.attgenerated = '' ORDER BY a.attnum",
            (source.schema, table.name),
        ).fetchall()
        if not rows:
            raise Misconfigured(f"the source has no table {source.schema}.{table.name}")
        key = {name for name, _, is_key in rows if is_key}
        if key != set(table.key):
            shown = ", ".join(sorted(key)) or "none"
            raise Misconfigured(
                f"tables.{table.name}: key is {', '.join(table.key)}, the source's primary key is"
                f" {shown}"
            )
        of_source = {name: _type(type_) for name, type_, _ in rows}
        if missing := table.columns.keys() - of_source.keys():
            raise Misconfigured(f"the source's {table.name} has no column {sorted(missing)[0]}")
        found[table.name] = dict(table.columns) or of_source
    return found


def _type(type_: str) -> str:
    return type_ if type_ in _AS_THEY_ARE else _INSTEAD.get(type_, "text")

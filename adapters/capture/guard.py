"""Looks at the master itself: whether capture can still see every row as its events need it.

Records alone don't tell. A renamed column looks like a null in every row, a table that was replaced
under its name is in no publication and says nothing at all. So the catalog of the database is held
against what the events carry: tables, columns and types, keys, publication, replica identity, slot.
What is added or wider is no fault.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from adapters.capture.columns import TABLES, Columns, Kind

_TEXTS = frozenset({"text", "varchar", "bpchar", "citext", "uuid", "name", "char"})
_INSTANTS = frozenset({"timestamptz", "timestamp"})
_READABLE: Mapping[Kind, frozenset[str]] = {
    Kind.TEXT: _TEXTS,
    Kind.INTEGER: frozenset({"int2", "int4", "int8"}),
    Kind.FLOAT: frozenset({"float4", "float8", "numeric", "int2", "int4", "int8"}),
    Kind.BOOLEAN: frozenset({"bool"}),
    Kind.DATE: frozenset({"date", *_INSTANTS}),
    Kind.INSTANT: _INSTANTS,
    Kind.BEGIN: _INSTANTS,
    Kind.END: _INSTANTS,
    Kind.DECIMAL: frozenset({"numeric", "money", "int2", "int4", "int8", "float4", "float8"}),
    Kind.TEXTS: frozenset({f"_{one}" for one in _TEXTS} | {"json", "jsonb"}),
    Kind.JSON: frozenset({"json", "jsonb", "text"}),
}
"""Types of columns (`pg_type.typname`; any enum counts as text) that are read as a kind."""

_COLUMNS = """
    SELECT c.relname, a.attname, CASE WHEN t.typtype = 'e' THEN 'text' ELSE t.typname END
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind IN ('r', 'p')
      AND c.relname = ANY(%s)"""
_TABLES = """
    SELECT c.relname, c.relreplident::text, c.oid IN (
               SELECT (p.schemaname || '.' || quote_ident(p.tablename))::regclass
               FROM pg_publication_tables p WHERE p.pubname = %s
           ),
           ARRAY(SELECT a.attname::text FROM pg_index i
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
                 WHERE i.indrelid = c.oid AND i.indisprimary)
    FROM pg_class c
    WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind IN ('r', 'p')
      AND c.relname = ANY(%s)"""
_ASIDE = ("signal", "message", "transaction")
"""Topics of a connector that are of no table."""
_SLOT = "SELECT wal_status FROM pg_replication_slots WHERE slot_name = %s"


@dataclass(frozen=True, slots=True)
class TableShape:
    """One captured table as the database has it."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Name → type (`pg_type.typname`)."""
    key: Sequence[str] = ()
    """Columns of the primary key."""
    replica_identity: str = "f"
    """`pg_class.relreplident`: f is FULL."""
    is_published: bool = True


@dataclass(frozen=True, slots=True)
class MasterShape:
    """What capture depends on in the master."""

    tables: Mapping[str, TableShape]
    """Of the captured tables those that exist."""
    has_publication: bool
    slot: str | None
    """`wal_status` of the connector's slot (reserved, extended, unreserved, lost); None where there
    is no such slot."""


def look(
    connection: psycopg.Connection[tuple[Any, ...]],
    tables: Sequence[str],
    *,
    schema: str,
    publication: str,
    slot: str,
) -> MasterShape:
    """Read the shape of the master. Raises psycopg's errors where it can't be asked."""
    columns: dict[str, dict[str, str]] = {}
    for table, name, kind in connection.execute(_COLUMNS, (schema, list(tables))):
        columns.setdefault(table, {})[name] = kind
    found = connection.execute(_TABLES, (publication, schema, list(tables)))
    shapes = {
        table: TableShape(columns.get(table, {}), tuple(key), identity, is_published)
        for table, identity, is_published, key in found
    }
    publications = connection.execute(
        "SELECT FROM pg_publication WHERE pubname = %s", (publication,)
    ).fetchall()
    state = connection.execute(_SLOT, (slot,)).fetchone()
    return MasterShape(shapes, bool(publications), None if state is None else state[0])


def faults(
    shape: MasterShape, captured: Sequence[str], *, schema: str, publication: str, slot: str
) -> list[str]:
    """Why capture would miss rows or misread them, a sentence each with the cure."""
    found = []
    if not shape.has_publication:
        found.append(
            f"the master has no publication {publication}: `catalog connect apply` makes it; what "
            "was committed meanwhile is found by `catalog audit`"
        )
    if shape.slot is None:
        found.append(
            f"the master has no replication slot {slot}: the connector begins with a new snapshot, "
            "which knows nothing of rows that were deleted meanwhile: run `catalog audit --heal`"
        )
    elif shape.slot == "lost":
        found.append(
            f"the master has given up the log of slot {slot}: drop it, let the connector begin "
            "with a new snapshot, and run `catalog audit --heal`"
        )
    for table in captured:
        its = shape.tables.get(table)
        if its is None:
            found.append(f"the master has no table {schema}.{table}: `catalog migrate` makes it")
        else:
            found += _table_faults(table, its, shape.has_publication, schema, publication)
    return found


def _table_faults(
    table: str, shape: TableShape, has_publication: bool, schema: str, publication: str
) -> list[str]:
    name = f"{schema}.{table}"
    found = []
    if has_publication and not shape.is_published:
        found.append(
            f"{name} is not in the publication {publication} (was it replaced under its name?), so "
            f"its changes are lost: ALTER PUBLICATION {publication} ADD TABLE {name}, then "
            f"`catalog audit --heal {table}`"
        )
    if shape.replica_identity != "f":
        found.append(
            f"{name} has no REPLICA IDENTITY FULL, so what a row was before is unknown: "
            f"ALTER TABLE {name} REPLICA IDENTITY FULL"
        )
    if tuple(shape.key) != ("id",):
        key = ", ".join(shape.key) or "none"
        found.append(f"the primary key of {name} is ({key}), not (id): rows could be taken for one")
    return found + _column_faults(name, shape.columns, TABLES.get(table, {}))


def _column_faults(name: str, there: Mapping[str, str], needed: Columns) -> list[str]:
    """Columns that events carry and that are missing or of a type that isn't read so."""
    missing = [column for column in needed if column not in there]
    found = []
    if missing:
        found.append(
            f"{name} has no column {', '.join(missing)}, which its events carry (was it renamed?): "
            "absent is not null, so its topic stops at the first change without it, see "
            "docs/how-to/mishaps.md"
        )
    for column, kind in needed.items():
        if column in there and there[column] not in _READABLE[kind]:
            found.append(
                f"{name}.{column} is of type {there[column]}, which can't be read as "
                f"{kind.name.lower()}"
            )
    return found


def unread_topics(there: Iterable[str], prefix: str, known: Iterable[str]) -> list[str]:
    """Topics of captured tables, by their prefix, that nobody reads: what is committed to those
    tables becomes no event. `known` are those that are read, or left alone on purpose."""
    aside = {*known, *(f"{prefix}.{what}" for what in _ASIDE)}
    return sorted(name for name in there if name.startswith(f"{prefix}.") and name not in aside)

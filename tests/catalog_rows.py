"""Rows of the read catalog, written by hand for tests of what reads them."""

from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from adapters.read_database.gate import name_generation
from adapters.read_database.late_changes import show_late_changes, show_log
from migrations import run


def make_catalog(dsn: str, schema: str = "catalog", generation: int = 1) -> None:
    """Make an empty read catalog without an engine that knows of it."""
    run.upgrade(dsn, "engine", "engine")
    run.upgrade(dsn, "read_catalog", schema)
    with psycopg.connect(dsn) as connection:
        name_generation(connection, schema, generation)
        show_late_changes(connection, schema, "catalog")
        show_log(connection, schema, "catalog", generation)


def write(
    connection: psycopg.Connection[Any], table: str, *rows: dict[str, Any], schema: str = "catalog"
) -> None:
    """Insert rows; a row needs its `id` and what the test is about."""
    for row in rows:
        full = {"event_id": "e", "event_partition": 0, "event_offset": 0} | row
        values = [Jsonb(v) if name == "prices" else v for name, v in full.items()]
        connection.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(schema, table),
                sql.SQL(", ").join(map(sql.Identifier, full)),
                sql.SQL(", ").join([sql.Placeholder()] * len(full)),
            ),
            values,
        )


def number(
    id_: str, scheme: str, value: str, owner_type: str, owner_id: str, **more: object
) -> dict[str, Any]:
    """An identifier's row, valid and written as it is normalised unless said otherwise."""
    return {
        "id": id_,
        "scheme": scheme,
        "value": value,
        "value_raw": value,
        "owner_type": owner_type,
        "owner_id": owner_id,
        "is_valid": True,
    } | more

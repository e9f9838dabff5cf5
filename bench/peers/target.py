"""The table that peers fill, and the proof that they filled it rightly."""

import psycopg

from adapters.read_database.rows import copy_frames
from adapters.synthetic.catalog import SyntheticTopic
from bench.data import final_table
from migrations import run as migrations

NOT_COMPARED = ("event_partition", "event_offset")
"""Positions differ between the Avro topic and its JSON twin."""


def make_target(dsn: str, schema: str) -> None:
    """Make the read catalog's tables, of which `track` is the target, in a schema of its own."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
    migrations.upgrade(dsn, "read_catalog", schema)


def differing_rows(dsn: str, schema: str, plan: SyntheticTopic) -> int:
    """How many rows of `track` are missing, too many or not as the last events say."""
    rows = final_table(plan).drop(NOT_COMPARED)
    listed = ", ".join(rows.columns)
    given = ", ".join(f"kept.{name}" for name in rows.columns)
    wanted = ", ".join(f"wished.{name}" for name in rows.columns)
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE wanted AS SELECT {listed} FROM {schema}.track"
            " WITH NO DATA".encode()
        )
        copy_frames(
            cursor,
            f"COPY wanted ({listed}) FROM STDIN (FORMAT BINARY)",
            [rows],
            rows.columns,
            frozenset(),
        )
        cursor.execute(
            f"SELECT count(*) FROM {schema}.track AS kept FULL JOIN wanted AS wished USING (id)"
            f" WHERE ROW({given}) IS DISTINCT FROM ROW({wanted})".encode()
        )
        found = cursor.fetchone()
    return int(found[0]) if found else 0

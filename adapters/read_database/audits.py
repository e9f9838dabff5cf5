"""What audits found, kept in `engine.audit` and `engine.audit_table`.

So a killed audit goes on behind the tables that it had finished, and health can say what the last
one of each table came to.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from adapters.read_database.connection import store_errors
from projections.audit.audit import TableAudit

Connection = psycopg.Connection[tuple[Any, ...]]

_KEPT = 1_000
"""Differences of a table that are kept."""


@dataclass(frozen=True, slots=True)
class LastAudit:
    """What the last audit of a table came to."""

    table: str
    at: datetime
    is_clean: bool
    found: dict[str, Any]
    """See `summary`."""


def begin(connection: Connection, tables: Sequence[str]) -> int:
    """Enter a new audit of these tables; returns its number. Raises Unavailable."""
    with store_errors():
        row = connection.execute(
            "INSERT INTO engine.audit (tables) VALUES (%s) RETURNING number", (list(tables),)
        ).fetchone()
    assert row is not None  # noqa: S101 - an INSERT without a conflict returns its row
    number: int = row[0]
    return number


def unfinished(connection: Connection) -> tuple[int, list[str]] | None:
    """The newest audit, where it did not finish, and the tables that are left: not compared yet,
    or not clean, so that what was found is said again, and can be healed. Raises Unavailable."""
    with store_errors():
        row = connection.execute(
            "SELECT number, tables, finished_at, ARRAY(SELECT table_name FROM engine.audit_table"
            " WHERE audit = number AND is_clean) FROM engine.audit ORDER BY number DESC LIMIT 1"
        ).fetchone()
    if row is None or row[2] is not None:
        return None
    return row[0], [table for table in row[1] if table not in row[3]]


def note(connection: Connection, number: int, found: TableAudit) -> None:
    """Keep what was found in a table; a later look at it replaces an earlier one. Raises
    Unavailable."""
    with store_errors():
        connection.execute(
            "INSERT INTO engine.audit_table (audit, table_name, is_clean, found)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT (audit, table_name) DO UPDATE"
            " SET compared_at = now(), is_clean = excluded.is_clean, found = excluded.found",
            (number, found.table, found.is_clean, Jsonb(summary(found))),
        )


def finish(connection: Connection, number: int) -> None:
    """All of its tables are compared. Raises Unavailable."""
    with store_errors():
        connection.execute(
            "UPDATE engine.audit SET finished_at = now() WHERE number = %s", (number,)
        )


def last_of_each(connection: Connection) -> list[LastAudit]:
    """The last look at each table, by name. Raises Unavailable."""
    with store_errors():
        rows = connection.execute(
            "SELECT DISTINCT ON (table_name) table_name, compared_at, is_clean, found"
            " FROM engine.audit_table ORDER BY table_name, compared_at DESC"
        ).fetchall()
    return [LastAudit(*row) for row in rows]


def summary(found: TableAudit) -> dict[str, Any]:
    """What is kept: counts by kind, and the first differences."""
    kinds = Counter(one.kind.value for one in found.differences)
    return {
        "master_rows": found.master_rows,
        "events": found.events,
        "missing": kinds["missing"],
        "ghost": kinds["ghost"],
        "stale": kinds["stale"],
        "uncounted": found.uncounted,
        "unsettled": found.unsettled,
        "unusable": found.unusable,
        "differences": [
            {"kind": one.kind.value, "topic": one.topic, "id": one.id, "fields": one.fields}
            for one in found.differences[:_KEPT]
        ],
    }

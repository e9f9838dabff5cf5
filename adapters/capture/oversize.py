"""A change that is too large for a message: what Connect says of it, and which row it may be of.

Connect ends a connector's task for good at a record that its producer or the brokers refuse, and
says neither its topic nor its key. With REPLICA IDENTITY FULL a change holds its row twice, so the
master is asked which rows are so large that a change of them doesn't fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

_REFUSED = "RecordTooLargeException"
_COMPRESSED = 256
"""How much smaller a row may lie in the database than it is in a message."""


@dataclass(frozen=True, slots=True)
class LargeRow:
    """A row of the master and its size."""

    table: str
    id: str
    bytes: int
    """As JSON, which a change of it holds twice."""


def is_oversize(trace: str) -> bool:
    """Whether a task ended at a record that was too large."""
    return _REFUSED in trace


def largest_rows(
    connection: psycopg.Connection, tables: Sequence[str], *, schema: str, message_bytes: int
) -> list[LargeRow]:
    """Of each table the largest row of which a change doesn't fit into a message.

    Tables that the database doesn't look through in time are left out.
    """
    found = []
    for table in tables:
        statement = sql.SQL(
            "SELECT id, octet_length(to_jsonb(t)::text) FROM {} t"
            " WHERE pg_column_size(t.*) > %s ORDER BY 2 DESC LIMIT 1"
        ).format(sql.Identifier(schema, table))
        try:
            row = connection.execute(statement, (message_bytes // 2 // _COMPRESSED,)).fetchone()
        except (psycopg.errors.QueryCanceled, psycopg.errors.UndefinedTable):
            continue
        if row is not None and 2 * row[1] > message_bytes:
            found.append(LargeRow(table, *row))
    return found


def explain(rows: Sequence[LargeRow], *, schema: str, message_bytes: int) -> str:
    """What happened and what to do, in a sentence or two."""
    which = "; ".join(f"{schema}.{one.table} {one.id!r} ({one.bytes:,} bytes)" for one in rows)
    needed = max((3 * one.bytes for one in rows), default=2 * message_bytes)
    place = (
        f"A change holds its row twice, and these are so large: {which}"
        if rows
        else "No row that is so large is in the master now: it was changed or removed since"
    )
    return (
        f"a change is larger than the {message_bytes:,} bytes that a message may have. {place}. Set"
        f" CATALOG_KAFKA__MESSAGE_MAX_BYTES to {needed} or more for every process, then `catalog"
        " topics apply` and `catalog connect apply` (`catalog up` does both when it starts)"
    )

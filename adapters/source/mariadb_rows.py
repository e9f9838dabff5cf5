"""Rows of a MariaDB or MySQL database as the replica holds them: for a look, and compared with it.

Values are asked for in UTC. A date of zeros, which PostgreSQL hasn't, is null, as Debezium sends it
for a column that may be null (its documentation, "Temporal types").
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pymysql
from psycopg import sql
from pymysql.cursors import SSCursor

from adapters.source import replica
from adapters.source.definition import Source
from adapters.source.values import plain

_BUCKETS = 1024
_BATCH = 5_000
_TEMPORAL = ("date", "timestamp without time zone", "timestamp with time zone", "interval")


def copy_rows(
    opened: pymysql.Connection, connection: psycopg.Connection, source: Source, most: int
) -> list[str]:
    """Copy rows of the source into its replica, at most so many a table.

    For a look before anything is applied, inside a transaction that is rolled back. Returns the
    tables that have more.
    """
    cut = []
    for table in source.tables:
        of = replica.columns_of(connection, source, table)
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(
            replica.name_of(source, table), replica.names(list(of))
        )
        with connection.cursor() as cursor:
            with cursor.copy(into) as taken:
                for row in _rows(opened, source, table, of, most):
                    taken.write_row(row)
            if cursor.rowcount >= most:
                cut.append(table)
    return cut


def differing(
    connection: psycopg.Connection, opened: pymysql.Connection, source: Source, table: str
) -> int:
    """How many of a table's rows lie in buckets that differ between replica and source; 0: none.

    Memory is flat: a bucket of keys is a count and a digest.
    """
    of = replica.columns_of(connection, source, table)
    key = [list(of).index(column) for column in source.tables[table].key]
    statement = sql.SQL("SELECT {} FROM {}").format(
        replica.names(list(of)), replica.name_of(source, table)
    )
    with connection.transaction(), connection.cursor(name="replica") as cursor:
        connection.execute("SET LOCAL TimeZone = 'UTC'")
        cursor.itersize = _BATCH
        ours = _digests(cursor.execute(statement), of, key)
    theirs = _digests(_rows(opened, source, table, of), of, key)
    return sum(
        max(ours.get(bucket, (0, 0))[0], theirs.get(bucket, (0, 0))[0])
        for bucket in ours.keys() | theirs.keys()
        if ours.get(bucket) != theirs.get(bucket)
    )


def _rows(
    opened: pymysql.Connection,
    source: Source,
    table: str,
    of: Mapping[str, str],
    most: int | None = None,
) -> Iterator[list[object]]:
    """A table's rows, in the columns of its replica, whose names MariaDB takes in any case."""
    types = list(of.values())
    listed = ", ".join(f"`{name.replace('`', '``')}`" for name in of)
    place = ".".join(
        f"`{name.replace('`', '``')}`"
        for name in (source.database or "", source.tables[table].of_source)
    )
    with opened.cursor(SSCursor) as cursor:
        cursor.execute("SET time_zone = '+00:00'")
        cursor.execute(f"SELECT {listed} FROM {place}" + ("" if most is None else f" LIMIT {most}"))
        for row in cursor:
            yield [_value(value, type_) for value, type_ in zip(row, types, strict=True)]


def _value(value: object, type_: str) -> object:
    kind = plain(type_)
    if kind in _TEMPORAL and isinstance(value, str):
        return None  # the client leaves as it is what is no date
    if kind == "boolean":
        return None if value is None else value not in (0, b"\x00")
    if kind == "timestamp with time zone" and isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    return value


def _digests(
    rows: Iterable[Sequence[object]], of: Mapping[str, str], key: Sequence[int]
) -> dict[int, tuple[int, int]]:
    """Bucket of keys → (rows, sum of their digests), whatever the order."""
    is_json = [plain(type_) == "jsonb" for type_ in of.values()]
    found: dict[int, tuple[int, int]] = {}
    for row in rows:
        texts = [
            _text(json.loads(value) if of_json and isinstance(value, str) else value)
            for value, of_json in zip(row, is_json, strict=True)
        ]
        bucket = _digest([texts[place] for place in key]) % _BUCKETS
        count, total = found.get(bucket, (0, 0))
        found[bucket] = (count + 1, (total + _digest(texts)) % (1 << 64))
    return found


def _digest(texts: Sequence[str]) -> int:
    hashed = hashlib.blake2b("\x1f".join(texts).encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(hashed.digest(), "big")


def _text(value: object) -> str:
    """The same for the same value, whichever client read it."""
    if value is None:
        return "\x00"
    if isinstance(value, float):
        return f"{value:.6g}"  # FLOAT is shown with six digits
    if isinstance(value, int | Decimal):
        return str(Decimal(value).normalize())
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return json.dumps(value, sort_keys=True, default=str)

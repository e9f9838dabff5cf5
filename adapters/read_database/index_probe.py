"""Finds rows that an index will refuse while a table is filled, before its indexes are made.

A row of an index holds some 2,700 bytes, after compression. A table that is being filled has no
indexes yet; when they are made in the end, the server says of one row that it is too long, and not
of which event it was made. So long values are put into a temporary table that has the same indexes,
in the transaction that copies them: what is refused there is refused at once, and its event is
found as that of any other value.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl
import psycopg

from adapters.read_database.connection import quoted
from adapters.read_database.deferred import indexes_to_come
from adapters.read_database.rows import TableStatements, copy_frames

LONG = 500
"""Bytes of an indexed value from which on its row is tried: several stand in one index's row."""
AT_ONCE = 20_000
"""Rows that are kept in memory to be tried."""
_PROBE = "index_probe"


def copy_into(
    cursor: psycopg.Cursor[Any],
    schema: str,
    table: str,
    sql: TableStatements,
    frames: Iterable[pl.DataFrame],
) -> None:
    """Copy frames into a table that is being filled; within the caller's transaction.

    Raises what the server raises where a value can't be stored, or can't be indexed later.
    """
    indexes = indexes_to_come(cursor, schema, table)
    indexed = [name for name in sql.columns if any(_names(name, index) for index in indexes)]
    rest, tried = iter(frames), False
    while (first := next(rest, None)) is not None:
        long: list[pl.DataFrame] = []
        copy_frames(
            cursor, sql.copy_to_table, _watched(first, rest, indexed, long), sql.columns, sql.json
        )
        if long:
            if not tried:
                _make_probe(cursor, quoted(schema, table), indexes)
                tried = True
            names = ", ".join(map(quoted, sql.columns))
            statement = f"COPY {quoted('pg_temp', _PROBE)} ({names}) FROM STDIN (FORMAT BINARY)"
            copy_frames(cursor, statement, long, sql.columns, sql.json)


def _names(column: str, index: str) -> bool:
    return re.search(rf"\b{re.escape(column)}\b", index) is not None


def _watched(
    first: pl.DataFrame,
    rest: Iterator[pl.DataFrame],
    indexed: Sequence[str],
    long: list[pl.DataFrame],
) -> Iterator[pl.DataFrame]:
    """Frames, until enough of their rows are `long`."""
    frame: pl.DataFrame | None = first
    while frame is not None:
        yield frame
        if lengths := [_length(frame, name) for name in indexed if _is_text(frame, name)]:
            odd = frame.filter(pl.any_horizontal(length > LONG for length in lengths))
            if odd.height:
                long.append(odd)
        if sum(one.height for one in long) >= AT_ONCE:
            return
        frame = next(rest, None)


def _is_text(frame: pl.DataFrame, name: str) -> bool:
    return frame.schema[name] in {pl.String(), pl.Binary(), pl.List(pl.String())}


def _length(frame: pl.DataFrame, name: str) -> pl.Expr:
    """Bytes of a column's values: of a list, of its longest."""
    match frame.schema[name]:
        case pl.Binary():
            return pl.col(name).bin.size()
        case pl.List():
            return pl.col(name).list.eval(pl.element().str.len_bytes()).list.max()
        case _:
            return pl.col(name).str.len_bytes()


def _make_probe(cursor: psycopg.Cursor[Any], table: str, indexes: Sequence[str]) -> None:
    probe = quoted("pg_temp", _PROBE)
    cursor.execute(f"CREATE TEMPORARY TABLE {quoted(_PROBE)} (LIKE {table}) ON COMMIT DROP")
    for index in indexes:
        cursor.execute(re.sub(r" ON .*? USING ", f" ON {probe} USING ", index, count=1))

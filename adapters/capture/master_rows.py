"""Rows of a PostgreSQL master in the form in which capture sends them, for the audit.

The server writes each row as JSON, and it is put into the envelope of a Debezium snapshot read. So
the reader of captured records judges it as it judges those, and there is no second way from a row
to an event. Implements `projections.ports.master.Master`.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from psycopg import errors, sql

from adapters.capture.columns import TABLES, Kind
from domain.failures import Misconfigured
from projections.ports.master import MasterRow

Connection = psycopg.Connection[tuple[Any, ...]]

_AT_ONCE = 5_000
_READ_ONLY = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class PostgresMaster:
    """The master database. `connect` opens a connection in autocommit mode; `await_log` is how it
    is known that the event log has everything (see the port)."""

    def __init__(
        self,
        connect: Callable[[], AbstractContextManager[Connection]],
        schema: str,
        await_log: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._schema = schema
        self.await_log = await_log

    @contextmanager
    def snapshot(self) -> Iterator["PostgresSnapshot"]:
        """See the port."""
        with self._connect() as connection, connection.transaction():
            connection.execute(_READ_ONLY)
            connection.execute("SET LOCAL timezone = 'UTC'")
            yield PostgresSnapshot(connection, self._schema)


class PostgresSnapshot:
    """Implements `projections.ports.master.MasterSnapshot` within an open transaction."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection = connection
        self._schema = schema

    def rows(self, table: str) -> Iterator[Sequence[MasterRow]]:
        """See the port. Raises Misconfigured where the table or one of its columns is missing."""
        yield from self._read(table, sql.SQL(""))

    def rows_of(self, table: str, ids: Sequence[str]) -> Iterator[Sequence[MasterRow]]:
        """See the port. Raises as `rows` does."""
        for start in range(0, len(ids), _AT_ONCE):
            some = sql.Literal(list(ids[start : start + _AT_ONCE]))
            yield from self._read(table, sql.SQL(" WHERE id = ANY({})").format(some))

    def _read(self, table: str, where: sql.Composable) -> Iterator[Sequence[MasterRow]]:
        statement = _statement(self._schema, table) + where
        envelope = _envelope(table)
        with self._connection.cursor(name="audit") as cursor:
            try:
                cursor.execute(statement)
            except (errors.UndefinedTable, errors.UndefinedColumn) as error:
                raise Misconfigured(
                    f"the master's table {self._schema}.{table} is not as its events need it: "
                    f"{str(error).splitlines()[0]}"
                ) from error
            while rows := cursor.fetchmany(_AT_ONCE):
                yield [
                    MasterRow(id, key.encode(), envelope % row.encode()) for id, key, row in rows
                ]  # fmt: skip


def _statement(schema: str, table: str) -> sql.Composed:
    """(id, key, row) of a table; a JSON document as its text, as Debezium sends it."""
    columns = sql.SQL(", ").join(
        sql.SQL("{0}::text AS {0}" if kind is Kind.JSON else "{0}").format(sql.Identifier(name))
        for name, kind in TABLES[table].items()
    )
    return sql.SQL(
        "SELECT id, json_build_object('id', id)::text, row_to_json(r)::text"
        " FROM (SELECT {columns} FROM {table}) r"
    ).format(columns=columns, table=sql.Identifier(schema, table))


def _envelope(table: str) -> bytes:
    source = json.dumps({"connector": "postgresql", "ts_ms": 0, "table": table})
    return b'{"op":"r","before":null,"after":%b,"source":' + source.encode() + b"}"

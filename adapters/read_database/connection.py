"""Connections to the read database, and its errors in the engine's words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors, sql

from domain.failures import Misconfigured, NotMigrated, Unusable, reason_of
from projections.ports.read_store import RowsRefused, StoreBusy

Connection = psycopg.Connection[tuple[object, ...]]

_REFUSALS = ("22", "23", "54", "XX000")
"""SQLSTATE classes that speak of values: data exception, integrity, program limit (index row), and
what the server says where a value takes more memory than it has words for."""
_NOT_AS_INSTALLED = (
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.UndefinedFunction,
    errors.InvalidSchemaName,
    errors.InsufficientPrivilege,
)
_TOO_LONG = ("25P03", "25P04")
"""The server has ended our transaction by `limit_transactions`."""


def connect(dsn: str, purpose: str) -> psycopg.Connection:
    """A connection in autocommit mode, named for `pg_stat_activity`. Raises StoreBusy.

    The server notices within a second when this process is killed, so that a statement that goes
    on without it does not keep its locks from a successor.
    """
    with store_errors():
        try:
            connection = psycopg.connect(
                dsn, autocommit=True, application_name=f"catalog {purpose}"
            )
        except psycopg.OperationalError as error:
            raise StoreBusy(
                f"the read database can't be reached (CATALOG_READ__URL): {_plain(error)}"
            ) from error
        connection.execute("SET client_connection_check_interval = '1s'")
        return connection


def limit_transactions(connection: psycopg.Connection) -> None:
    """End the transactions of a process that was paused in the middle of one.

    It would keep its locks for as long as it sleeps: whoever has taken over its partitions, and any
    switch, would wait for it. Our transactions on this connection take seconds at the most. (The
    server does not look at the clock while it waits for the data of a COPY.)
    """
    connection.execute("SET idle_in_transaction_session_timeout = '15s'")
    if connection.info.server_version >= 170000:
        connection.execute("SET transaction_timeout = '60s'")


def lift_limits(cursor: psycopg.Cursor[Any]) -> None:
    """Let this one transaction take as long as it takes: nobody waits for its locks."""
    cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    if cursor.connection.info.server_version >= 170000:
        cursor.execute("SET LOCAL transaction_timeout = 0")


@contextmanager
def store_errors() -> Iterator[None]:
    """Raise RowsRefused for what the rows are to blame for, StoreBusy for what passes.

    NotMigrated where a table of the engine is missing, Misconfigured where another one, a column
    or a right is. What is left (a syntax error) is a fault of the software and stays as it is.
    """
    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate or ""
        if state.startswith(_REFUSALS):
            raise RowsRefused(_plain(error)) from error
        passes = psycopg.OperationalError | errors.ReadOnlySqlTransaction
        if isinstance(error, passes) or state in _TOO_LONG:
            raise StoreBusy(_plain(error)) from error
        if isinstance(error, errors.UndefinedTable) and '"engine.' in str(error):
            raise NotMigrated from error
        if isinstance(error, _NOT_AS_INSTALLED):
            raise Misconfigured(
                f"the read database isn't as this version needs it: {_plain(error)}; `catalog "
                "migrate` brings its tables up to date, and the user of CATALOG_READ__URL needs "
                "rights on them"
            ) from error
        raise


def storable(text: str) -> str:
    """A text that a column can hold, of a length that a reason has."""
    return reason_of(Unusable(text)).encode(errors="replace").decode()


def _plain(error: psycopg.Error) -> str:
    detail = error.diag.message_detail
    return f"{str(error).splitlines()[0]}{f' ({detail})' if detail else ''}"


def quoted(*names: str) -> str:
    """A possibly qualified SQL name."""
    return sql.Identifier(*names).as_string()

"""Connections to the read database, and its errors in the engine's words."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from projections.store import RowsRefused, StoreBusy

Connection = psycopg.Connection[tuple[object, ...]]

_REFUSALS = ("22", "23", "54")
"""SQLSTATE classes that speak of values: data exception, integrity, program limit (index row)."""


def connect(dsn: str, purpose: str) -> psycopg.Connection:
    """A connection in autocommit mode, named for `pg_stat_activity`. Raises StoreBusy.

    The server notices within a second when this process is killed, so that a statement that goes
    on without it does not keep its locks from a successor.
    """
    with store_errors():
        connection = psycopg.connect(dsn, autocommit=True, application_name=f"catalog {purpose}")
        connection.execute("SET client_connection_check_interval = '1s'")
        return connection


@contextmanager
def store_errors() -> Iterator[None]:
    """Raise RowsRefused for what the rows are to blame for, StoreBusy for what passes.

    Anything else (a missing table, a syntax error) is a fault of the software and stays as it is.
    """
    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate or ""
        if state.startswith(_REFUSALS):
            raise RowsRefused(_plain(error)) from error
        if isinstance(error, psycopg.OperationalError | errors.ReadOnlySqlTransaction):
            raise StoreBusy(_plain(error)) from error
        raise


def _plain(error: psycopg.Error) -> str:
    detail = error.diag.message_detail
    return f"{str(error).splitlines()[0]}{f' ({detail})' if detail else ''}"


def quoted(*names: str) -> str:
    """A possibly qualified SQL name."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)

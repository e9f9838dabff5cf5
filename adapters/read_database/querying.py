"""The read database as answers are asked of it: single statements that only read, bounded in time.

Each is planned by indexes, whatever the statistics say of small or new tables. What a session is
set to, it is set to when the connection is made; through a pooler that gives a transaction to
whichever session is free, each statement has a transaction of its own that says so, and nothing is
prepared.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors
from psycopg.rows import TupleRow

from domain.failures import Misconfigured, NotMigrated, Unavailable

STATEMENT_SECONDS = 5
CONNECT_SECONDS = 3

SETTINGS = {
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "client_connection_check_interval": "1s",
    "timezone": "UTC",
    "pg_trgm.word_similarity_threshold": "0.4",  # words with two letters the wrong way round count
}


class ReadDatabaseAway(Unavailable):
    """The read database can't be reached, or went away in the middle of a statement."""


class TooSlow(Unavailable):
    """A statement was ended by its time limit."""


class NoReadTables(Misconfigured):
    """The tables that a statement names aren't there, or are those of another version."""

    exit_code = 1


@dataclass(frozen=True, repr=False)
class ReadAccess:
    """How the read database is reached by who only reads."""

    dsn: str
    is_pooled: bool = False
    """Through a pooler in transaction mode: a session lasts for one transaction."""


class ReadQueries:
    """Asks statements on one connection. For one thread at a time."""

    def __init__(self, connection: psycopg.Connection[TupleRow], begin: str | None) -> None:
        """`begin` opens a transaction for each statement; None: the session is set already."""
        self._connection = connection
        self._begin = begin

    def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[TupleRow]:
        """All rows of one statement, which see one state of the database.

        Raises ReadDatabaseAway, TooSlow, NoReadTables, NotMigrated.
        """
        with query_errors():
            if self._begin is None:
                cursor = self._connection.execute(statement.encode(), parameters, prepare=True)
                return cursor.fetchall()
            self._connection.execute(self._begin.encode())
            try:
                return self._connection.execute(statement.encode(), parameters).fetchall()
            finally:
                if not self._connection.closed:
                    self._connection.execute("COMMIT")


@contextmanager
def open_queries(
    access: ReadAccess, purpose: str, settings: Mapping[str, str]
) -> Iterator[ReadQueries]:
    """A connection that only reads, named for `pg_stat_activity`, until the context is left.

    Raises ReadDatabaseAway.
    """
    with query_errors():
        connection = psycopg.connect(**connection_arguments(access, purpose, settings))
    with connection:
        yield ReadQueries(connection, begin(settings) if access.is_pooled else None)


def connection_arguments(
    access: ReadAccess, purpose: str, settings: Mapping[str, str]
) -> dict[str, Any]:
    """What psycopg's `connect` is given for a connection that only reads."""
    arguments: dict[str, Any] = {
        "conninfo": access.dsn,
        "autocommit": True,
        "application_name": f"catalog {purpose}",
        "connect_timeout": CONNECT_SECONDS,
    }
    if access.is_pooled:  # which takes no options, and prepares nothing
        return arguments | {"prepare_threshold": None}
    session = {"default_transaction_read_only": "on", **settings}
    return arguments | {"options": " ".join(f"-c {k}={v}" for k, v in session.items())}


def begin(settings: Mapping[str, str]) -> str:
    """Statements that begin a transaction which only reads, with settings that end with it."""
    local = "".join(f"; SET LOCAL {name} = '{value}'" for name, value in settings.items())
    return f"BEGIN READ ONLY{local}"


@contextmanager
def query_errors() -> Iterator[None]:
    """Say what a statement met, in our words. A fault of the statement stays as it is."""
    try:
        yield
    except errors.QueryCanceled as error:
        raise TooSlow("the read database took too long to answer") from error
    except errors.UndefinedColumn as error:
        raise NoReadTables(
            "the read tables were made by another version than this one: "
            f"{error.diag.message_primary}; `catalog migrate` brings the live ones up to date, "
            "others must be rebuilt"
        ) from error
    except (errors.UndefinedTable, errors.InvalidSchemaName) as error:
        if '"engine.' in str(error):
            raise NotMigrated from error
        raise NoReadTables(
            f"there is no read catalog yet ({error.diag.message_primary}):"
            " run `catalog project` or `catalog rebuild` first"
        ) from error
    except psycopg.OperationalError as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ReadDatabaseAway(
            f"the read database can't be asked (CATALOG_READ__URL): {reason}"
        ) from error

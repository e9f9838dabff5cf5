"""Connections to the two databases, and what works on one: each is made here.

Nothing outside this package opens a connection (a test holds every room to it). The addresses
carry their timeouts (see `endpoints`), so all connections have the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import psycopg
from psycopg import errors

from adapters.composition.endpoints import Endpoints
from adapters.read_database.dead_letters import PostgresDeadLetters
from adapters.read_database.generations import PostgresGenerations
from adapters.read_database.query_pool import QueryPool
from adapters.read_database.querying import SETTINGS, ReadAccess, ReadQueries, open_queries
from domain.failures import NotMigrated, Unavailable
from projections.read_model import ReadModel

PATIENT = {name: value for name, value in SETTINGS.items() if name != "statement_timeout"}
"""Session settings of queries that take as long as they take."""
READ_ONLY = {"default_transaction_read_only": "on", "statement_timeout": "5s"}
"""Session settings of who only looks, and whom nobody waits for."""


@contextmanager
def read_connection(
    dsn: str, purpose: str, settings: dict[str, str] | None = None
) -> Iterator[psycopg.Connection]:
    """A connection to the read database in autocommit mode, until the context is left.

    `purpose` names it in `pg_stat_activity`, `settings` are of its session.
    Raises Unavailable where the database can't be reached or goes away, NotMigrated where it lacks
    the engine's tables; what else a statement raises stays as it is.
    """
    with _connection("read", "CATALOG_READ__URL", dsn, purpose, settings) as connection:
        yield connection


@contextmanager
def master_connection(
    dsn: str, purpose: str, settings: dict[str, str] | None = None
) -> Iterator[psycopg.Connection]:
    """The same of the master database."""
    with _connection("master", "CATALOG_MASTER__URL", dsn, purpose, settings) as connection:
        yield connection


@contextmanager
def source_connection(
    dsn: str, name: str, purpose: str, settings: dict[str, str] | None = None
) -> Iterator[psycopg.Connection]:
    """The same of the database of a foreign master, by the name of its source."""
    variable = f"CATALOG_SOURCE__ADDRESS__{name.upper()}"
    with _connection(f"source {name}'s", variable, dsn, purpose, settings) as connection:
        yield connection


@contextmanager
def _connection(
    database: str, variable: str, dsn: str, purpose: str, settings: dict[str, str] | None
) -> Iterator[psycopg.Connection]:
    options = " ".join(f"-c {name}={value}" for name, value in (settings or {}).items())
    try:
        connection = psycopg.connect(
            dsn, autocommit=True, application_name=f"catalog {purpose}", options=options or None
        )
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"the {database} database can't be reached ({variable}): {first_line(error)}"
        ) from error
    try:
        with connection:
            yield connection
    except errors.UndefinedTable as error:
        if '"engine.' not in str(error):
            raise
        raise NotMigrated from error
    except psycopg.OperationalError as error:
        raise Unavailable(f"the {database} database failed: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """What a database says of a failure, without the lines that only repeat it."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def generations(endpoints: Endpoints, model: ReadModel) -> PostgresGenerations:
    """The generations of a read model."""
    return PostgresGenerations(endpoints.read_dsn, model)


def dead_letters(endpoints: Endpoints, model: ReadModel | None = None) -> PostgresDeadLetters:
    """Parked records of translation and of one read model (None: of all); close it."""
    return PostgresDeadLetters(endpoints.read_dsn, None if model is None else model.name)


def read_queries(
    endpoints: Endpoints, purpose: str, settings: Mapping[str, str] = PATIENT
) -> AbstractContextManager[ReadQueries]:
    """Asks the queries of read models; see `read_database.querying`. Raises Unavailable."""
    return open_queries(read_access(endpoints), purpose, settings)


def read_access(endpoints: Endpoints) -> ReadAccess:
    """How queries reach the read database."""
    return ReadAccess(endpoints.read_dsn, endpoints.read_is_pooled)


def query_pool(access: ReadAccess, size: int) -> QueryPool:
    """The same for many requests of one event loop; close it."""
    return QueryPool(access, size)

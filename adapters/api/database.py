"""The read database as the API asks it: single prepared statements, bounded in time.

Connections are made when they are needed and thrown away when they fail, so that a database that
was away is used again by the first request after it is back. Each is set to read only, and to one
plan by indexes whatever the statistics say of small or new tables.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import psycopg
import structlog
from psycopg import errors
from psycopg.rows import TupleRow

from adapters.api.problems import no_catalog, too_slow, unavailable

log = structlog.get_logger(__name__)

STATEMENT_SECONDS = 5
CONNECT_SECONDS = 3
WAIT_SECONDS = 5.0
"""How long a request waits for a connection that others use."""

SETTINGS = {
    "default_transaction_read_only": "on",
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

Connection = psycopg.AsyncConnection[TupleRow]


class ReadDatabase:
    """At most `size` connections at a time, for one event loop."""

    def __init__(self, dsn: str, size: int = 8) -> None:
        self._dsn = dsn
        self._idle: list[Connection] = []
        self._free = asyncio.Semaphore(size)

    async def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[TupleRow]:
        """All rows of one statement.

        A connection that broke while it was idle, or met a switch of generations in a deadlock,
        is replaced once. Raises Problem (503) where the database is away or slow.
        """
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise too_slow() from None
        try:
            try:
                return await self._ask(statement, parameters)
            except psycopg.OperationalError as error:
                log.info("asking the read database again", reason=str(error).strip())
                await self.close()
                return await self._ask(statement, parameters)
        except psycopg.OperationalError as error:
            log.warning("the read database failed", reason=str(error).strip())
            raise unavailable() from None
        finally:
            self._free.release()

    async def _ask(self, statement: str, parameters: Mapping[str, Any]) -> list[TupleRow]:
        connection = self._idle.pop() if self._idle else await connect(self._dsn)
        try:
            return await execute(connection, statement, parameters)
        finally:
            if _is_usable(connection):
                self._idle.append(connection)
            else:
                await connection.close()

    async def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            await self._idle.pop().close()


def _is_usable(connection: Connection) -> bool:
    idle = psycopg.pq.TransactionStatus.IDLE
    return not connection.closed and connection.info.transaction_status == idle


async def connect(dsn: str) -> Connection:
    """A connection with SETTINGS in autocommit mode. Raises psycopg.OperationalError."""
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    return await psycopg.AsyncConnection.connect(
        dsn,
        autocommit=True,
        application_name="catalog serve",
        connect_timeout=CONNECT_SECONDS,
        options=options,
    )


async def execute(
    connection: Connection, statement: str, parameters: Mapping[str, Any]
) -> list[TupleRow]:
    """All rows of one prepared statement. Raises Problem for what is no fault of the software."""
    try:
        cursor = await connection.execute(statement, parameters, prepare=True)
        return await cursor.fetchall()
    except errors.QueryCanceled:
        raise too_slow() from None
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName) as error:
        log.error("the read database isn't migrated", reason=str(error).splitlines()[0])
        raise no_catalog() from None

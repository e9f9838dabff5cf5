"""Connections that many requests of one event loop share, each for one statement.

A pool of our own, since psycopg_pool's waits where this fails at once: with the database away a
request there waits out its whole time for a connection, and after the database is back the pool may
still be pausing between its attempts. Here connections are made by the request that needs one and
thrown away when they fail, so the first request after the database is back is answered.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import psycopg
import structlog
from psycopg.rows import TupleRow

from adapters.read_database.querying import (
    SETTINGS,
    ReadAccess,
    ReadDatabaseAway,
    TooSlow,
    begin,
    connection_arguments,
    query_errors,
)

log = structlog.get_logger(__name__)

WAIT_SECONDS = 5.0
"""How long a request waits for a connection that others use."""

Connection = psycopg.AsyncConnection[TupleRow]


class QueryPool:
    """At most `size` connections at a time, for one event loop."""

    def __init__(self, access: ReadAccess, size: int = 8) -> None:
        self._access = access
        self._idle: list[Connection] = []
        self._free = asyncio.Semaphore(size)

    async def rows(self, statement: str, parameters: Mapping[str, Any]) -> list[TupleRow]:
        """All rows of one statement.

        A connection that broke while it was idle, or met a switch of generations in a deadlock,
        is replaced once. Raises ReadDatabaseAway, TooSlow, NoReadTables, NotMigrated.
        """
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise TooSlow("all connections to the read database are in use") from None
        try:
            try:
                return await self._ask(statement, parameters)
            except ReadDatabaseAway as error:
                log.info("asking the read database again", reason=str(error))
                await self.close()
                return await self._ask(statement, parameters)
        except ReadDatabaseAway as error:
            log.warning("the read database failed", reason=str(error))
            raise
        finally:
            self._free.release()

    async def _ask(self, statement: str, parameters: Mapping[str, Any]) -> list[TupleRow]:
        with query_errors():
            connection = self._idle.pop() if self._idle else await self._connect()
            try:
                if self._access.is_pooled:
                    return await _in_transaction(connection, statement, parameters)
                cursor = await connection.execute(statement.encode(), parameters, prepare=True)
                return await cursor.fetchall()
            finally:
                if _is_usable(connection):
                    self._idle.append(connection)
                else:
                    await connection.close()

    async def _connect(self) -> Connection:
        arguments = connection_arguments(self._access, "serve", SETTINGS)
        return await psycopg.AsyncConnection.connect(**arguments)

    async def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            await self._idle.pop().close()


async def _in_transaction(
    connection: Connection, statement: str, parameters: Mapping[str, Any]
) -> list[TupleRow]:
    await connection.execute(begin(SETTINGS).encode())
    try:
        cursor = await connection.execute(statement.encode(), parameters)
        return await cursor.fetchall()
    finally:
        if not connection.closed:
            await connection.execute("COMMIT")


def _is_usable(connection: Connection) -> bool:
    idle = psycopg.pq.TransactionStatus.IDLE
    return not connection.closed and connection.info.transaction_status == idle

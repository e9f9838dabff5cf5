"""A worker that sleeps within a transaction loses it, and takes that as a passing trouble."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from threading import Event
from typing import Any

import polars as pl
import psycopg
import pytest

from adapters.composition.endpoints import Endpoints
from adapters.read_database import read_store
from adapters.read_database.connection import connect, limit_transactions, store_errors
from adapters.read_database.generations import PostgresGenerations
from adapters.read_database.read_store import PostgresReadStore
from adapters.read_database.rows import copy_frames
from projections.catalog import CATALOG
from projections.ports.generations import Purpose
from projections.ports.read_store import CheckpointMoved, StoreBusy, Write
from tests.beside import beside, join
from tests.contracts.test_read_database import ZERO, rows, step

pytestmark = pytest.mark.integration


def await_end(dsn: str, pid: int) -> None:
    """Wait until the server has ended a session."""
    deadline = time.monotonic() + 20
    with psycopg.connect(dsn, autocommit=True) as other:
        while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone():
            assert time.monotonic() < deadline, "the session goes on"
            time.sleep(0.05)


@pytest.mark.parametrize("limit", ["idle_in_transaction_session_timeout", "transaction_timeout"])
def test_a_transaction_in_which_nothing_happens_is_ended(engines: Endpoints, limit: str) -> None:
    with connect(engines.read_dsn, "sleeper") as connection:
        limit_transactions(connection)
        assert connection.execute(f"SHOW {limit}").fetchone() not in (("0",), None)
        connection.execute(f"SET {limit} = '200ms'")
        connection.execute("BEGIN")
        await_end(engines.read_dsn, connection.info.backend_pid)
        with pytest.raises(StoreBusy), store_errors():
            connection.execute("SELECT 1")


def test_paused_in_the_midst_of_its_rows_it_holds_up_nobody(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copying, awake = Event(), Event()
    outcome: list[Exception] = []

    def pausing(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        yield from frames
        copying.set()
        awake.wait(60)

    def slowly(cursor: Any, statement: str, frames: Any, *how: Any) -> int:
        return copy_frames(cursor, statement, pausing(frames), *how)

    def work() -> None:
        try:
            sleeper.write(live, write)
        except Exception as error:
            outcome.append(error)

    generations = PostgresGenerations(database, CATALOG)
    generations.migrate()
    live = generations.create(Purpose.SERVE, ZERO, live=True)
    write = Write(rows((0, "TrackAdded", "a", "A")), step(0, 1))
    with (
        closing(PostgresReadStore(database, CATALOG)) as sleeper,
        closing(PostgresReadStore(database, CATALOG)) as other,
    ):
        monkeypatch.setattr(read_store, "copy_frames", slowly)
        thread = beside(work)
        thread.start()
        try:
            assert copying.wait(30)
            monkeypatch.undo()
            other.write(live, write)
            with generations.hold_live():
                pass
        finally:
            awake.set()
            join(thread)
    assert [type(error) for error in outcome] == [CheckpointMoved]

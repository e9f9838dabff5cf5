"""A worker that sleeps within a transaction loses it, and takes that as a passing trouble."""

import time

import psycopg
import pytest

from adapters.endpoints import Endpoints
from adapters.postgres.connection import connect, limit_transactions, store_errors
from projections.store import StoreBusy

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

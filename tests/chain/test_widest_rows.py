"""Rows that are large: taken in up to the one setting, and beyond it told with what to set.

Runs after the tests that measure a rebuild's memory: its events of megabytes stay in the topics,
and every rebuild of the same log reads them.
"""

import re

import psycopg
import pytest

from adapters.capture.connect import Connect
from tests.chain.processes import Chain
from tests.waiting import until

pytestmark = pytest.mark.integration

MEGABYTE = 1_000_000


def write(chain: Chain, own: str, length: int, times: int) -> None:
    """Insert a release whose pline is so long, and change it so often."""
    with psycopg.connect(chain.endpoints.master_dsn, autocommit=True) as master:
        master.execute(
            "INSERT INTO release (id, title, pline) VALUES (%s, 'T0', repeat('x', %s))",
            (own, length),
        )
        for number in range(1, times + 1):
            master.execute("UPDATE release SET title = %s WHERE id = %s", (f"T{number}", own))


def read(chain: Chain, own: str) -> tuple[str, int]:
    with psycopg.connect(chain.endpoints.read_dsn) as connection:
        found = connection.execute(
            "SELECT title, length(pline) FROM catalog.release WHERE id = %s", (own,)
        ).fetchone()
    assert found is not None
    return found[0], found[1]


def test_a_row_of_600_kilobytes_goes_through(chain: Chain) -> None:
    """A change holds it twice: more than Kafka's clients and brokers take by default."""
    write(chain, "large:1", 600_000, 3)
    chain.idle()
    assert read(chain, "large:1") == ("T3", 600_000)


def test_a_row_beyond_the_setting_is_named_and_goes_through_when_it_is_raised(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(chain, "large:2", 5 * MEGABYTE, 1)
    connect = Connect(chain.endpoints.connect_url)
    name = chain.settings.connect.connector
    until(lambda: connect.status(name).task == "FAILED", 60, "the connector's task fails")
    health = chain.run("health")
    told = health.errors
    assert health.code == 3
    assert "public.release 'large:2' (5," in told
    wanted = re.search(r"CATALOG_KAFKA__MESSAGE_MAX_BYTES to (\d+) or more", told)
    assert wanted is not None, told
    monkeypatch.setenv("CATALOG_KAFKA__MESSAGE_MAX_BYTES", wanted[1])
    chain.catalog("topics", "check", codes=(3,))
    chain.catalog("topics", "apply")
    chain.catalog("connect", "apply")
    monkeypatch.delenv("CATALOG_KAFKA__MESSAGE_MAX_BYTES")
    chain.idle()
    assert read(chain, "large:2") == ("T1", 5 * MEGABYTE)

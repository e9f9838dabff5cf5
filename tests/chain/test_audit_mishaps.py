"""Mishaps after which the log is wrong and nobody says so: each ends right by `audit --heal`.

All happen in one run, each in a table of its own: a lost slot and the snapshot after it, a table
replaced under its name, a value that capture left out, TRUNCATE, and a log that begins anew at
positions that were there before (a restored master).
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest

from adapters.capture.connect import Connect
from adapters.event_log.producer import producer, write_durably
from tests.adapters.capture.forms import POSTGRES, value
from tests.chain.agreement import disagreements
from tests.chain.processes import Chain
from tests.chain.test_audit import differences
from tests.waiting import until

pytestmark = pytest.mark.integration

TABLES = ("party", "label", "recording", "format", "related_release")
FAR = '["9000000000000000000","9000000000000000000"]'
"""A position in the master's log that it reaches never again."""
ROWS = """
    INSERT INTO party (id, name) VALUES ('mishap:1', 'Before'), ('mishap:2', 'Before');
    INSERT INTO label (id, name) VALUES ('mishap:1', 'Before');
    INSERT INTO format (id, code) VALUES ('mishap:1', 'MP3'), ('mishap:2', 'MP3');
    INSERT INTO related_release (id, relation) VALUES ('mishap:1', 'Before');
    INSERT INTO recording (id, title, pline) SELECT 'mishap:1', 'Before',
        string_agg(md5(n::text), '') FROM generate_series(1, 1000) n"""
"""The long text is stored apart from its row (TOAST), since it can't be compressed enough."""
SWAP = """
    CREATE TABLE party_new (LIKE party INCLUDING ALL);
    INSERT INTO party_new SELECT * FROM party;
    DROP TABLE party;
    ALTER TABLE party_new RENAME TO party;
    UPDATE party SET name = 'Unseen' WHERE id = 'mishap:1';
    DELETE FROM party WHERE id = 'mishap:2';
    INSERT INTO party (id, name) VALUES ('mishap:3', 'Unseen')"""


def test_mishaps_end_right(chain: Chain) -> None:
    with psycopg.connect(chain.endpoints.master_dsn, autocommit=True) as master:
        master.execute(ROWS)
        chain.idle()
        with lost_slot(chain, master):
            master.execute("DELETE FROM format WHERE id = 'mishap:1'")
        swap(chain, master)
        with default_identity(master, "recording"):
            master.execute("UPDATE recording SET title = 'Left out' WHERE id = 'mishap:1'")
            parked = until_parked(chain, "did not change and capture left it out")
        truncated = truncate(chain, master)
        former_history(chain)
        master.execute("UPDATE label SET name = 'After' WHERE id = 'mishap:1'")
        chain.idle()
    assert found_of(chain, codes=(3,)) == {
        ("format", "mishap:1"): "ghost",
        ("party", "mishap:1"): "stale",
        ("party", "mishap:2"): "ghost",
        ("party", "mishap:3"): "missing",
        ("recording", "mishap:1"): "stale",
        ("label", "mishap:lost"): "ghost",
        ("related_release", "mishap:1"): "ghost",
    }
    heal = chain.watched("audit", "--heal", *TABLES)
    assert heal.code == 3, heal.errors
    assert "1 wait behind a parked change (mishap:1): discard that" in heal.errors
    assert found_of(chain, codes=(3,)) == {("recording", "mishap:1"): "stale"}
    chain.catalog("dead-letters", "discard", str(parked), str(truncated))
    chain.catalog("dead-letters", "retry", "--all")
    assert found_of(chain) == {}
    chain.idle()
    ids = [f"mishap:{name}" for name in ("1", "2", "3", "lost")]
    assert disagreements(chain.endpoints, ids) == []


def found_of(chain: Chain, codes: tuple[int, ...] = (0,)) -> dict[tuple[str, str], str]:
    """(table, id) → kind of what an audit finds in rows of this test."""
    found = differences(chain, *TABLES, codes=codes)
    return {place: kind for place, (kind, _) in found.items() if place[1].startswith("mishap:")}


@contextmanager
def lost_slot(chain: Chain, master: psycopg.Connection) -> Iterator[None]:
    """The slot is dropped, and capture begins anew with a snapshot, as docs/how-to/mishaps.md
    says; what is done meanwhile it never hears of."""
    names = chain.settings.connect
    connector = f"{chain.endpoints.connect_url}/connectors/{names.connector}"
    connect = Connect(chain.endpoints.connect_url)
    httpx.put(f"{connector}/stop", timeout=60).raise_for_status()
    until(lambda: connect.status(names.connector).task == "ABSENT", 60, "capture has stopped")

    def is_free() -> bool:
        found = master.execute(
            "SELECT active FROM pg_replication_slots WHERE slot_name = %s", (names.slot,)
        ).fetchone()
        return found == (False,)

    until(is_free, 60, "nobody reads the slot")
    master.execute("SELECT pg_drop_replication_slot(%s)", (names.slot,))
    yield
    told = chain.run("health").errors
    assert f"no replication slot {names.slot}" in told
    httpx.delete(f"{connector}/offsets", timeout=60).raise_for_status()
    httpx.delete(connector, timeout=60).raise_for_status()
    chain.catalog("connect", "apply")
    chain.idle()


def swap(chain: Chain, master: psycopg.Connection) -> None:
    """Replace a table under its name, as tools for online schema changes do; health says so."""
    master.execute(SWAP)
    told = chain.run("health").errors
    assert "public.party is not in the publication" in told
    master.execute("ALTER TABLE party REPLICA IDENTITY FULL")
    chain.catalog("connect", "apply")


@contextmanager
def default_identity(master: psycopg.Connection, table: str) -> Iterator[None]:
    """Old rows come with their key alone, and values that are stored apart don't come at all."""
    master.execute(f"ALTER TABLE {table} REPLICA IDENTITY DEFAULT")
    yield
    master.execute(f"ALTER TABLE {table} REPLICA IDENTITY FULL")


def truncate(chain: Chain, master: psycopg.Connection) -> int:
    """Empty a table; capture says so without naming the rows. The number of its dead letter."""
    master.execute("TRUNCATE related_release")
    return until_parked(chain, "related_release was truncated")


def former_history(chain: Chain) -> None:
    """Changes of a history that a restore has undone: at positions beyond all of the new one, and
    from a clock that was ahead."""
    ahead = round(time.time() * 1e6) + 3_600_000_000
    when = {"ts_ms": ahead // 1000, "ts_us": ahead, "ts_ns": ahead * 1000}
    topic = f"{chain.settings.connect.topic_prefix}.public.label"
    rows = [{"id": "mishap:lost", "name": "Undone"}, {"id": "mishap:1", "name": "Undone"}]
    write_durably(
        producer(chain.endpoints.kafka),
        [
            (
                topic,
                f'{{"id":"{row["id"]}"}}'.encode(),  # as the connector writes it: one partition
                value(
                    "c",
                    None,
                    {"message_id": None, "licensor_id": None, "party_id": None, **row},
                    {**POSTGRES, **when, "table": "label"},
                    sequence=FAR,
                ),
            )
            for row in rows
        ],
    )


def until_parked(chain: Chain, reason: str) -> int:
    """Wait for a dead letter with this in its reason; its number."""
    found: list[int] = []

    def is_parked() -> bool:
        letters = json.loads(chain.catalog("dead-letters", "list", "--json"))
        found[:] = [one["number"] for one in letters if reason in one["reason"]]
        return bool(found)

    until(is_parked, 120, reason)
    return found[0]

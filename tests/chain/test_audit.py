"""What happened behind capture's back is found in the master, named, and healed through the log."""

import json
from typing import Any

import psycopg
import pytest

from tests.chain.loading import Load
from tests.chain.processes import Chain
from tests.chain.size import Size
from tests.chain.unseen import unseen

pytestmark = pytest.mark.integration


def test_missing_ghost_and_stale_rows_are_found_and_healed(chain: Chain, size: Size) -> None:
    with Load(chain, size.rate):
        pass
    chain.idle()
    with unseen(chain, "release", "track") as master:
        master.execute("INSERT INTO release (id, title) VALUES ('audit:new', 'unseen')")
        ghost, stale = (
            row[0] for row in master.execute("SELECT id FROM track ORDER BY id LIMIT 2").fetchall()
        )
        master.execute("DELETE FROM track WHERE id = %s", (ghost,))
        master.execute("UPDATE track SET title = 'unseen' WHERE id = %s", (stale,))
    with Load(chain, size.rate):  # changes arrive while it looks
        found = differences(chain, "release", "track", codes=(3,))
    assert found == {
        ("release", "audit:new"): ("missing", []),
        ("track", ghost): ("ghost", []),
        ("track", stale): ("stale", ["title"]),
    }
    chain.catalog("audit", "--heal", "--json", "release", "track")
    assert differences(chain, "release", "track") == {}
    chain.idle()
    with psycopg.connect(chain.endpoints.read_dsn) as read:
        tracks = read.execute(
            "SELECT id, title FROM catalog.track WHERE id = ANY(%s)", ([ghost, stale],)
        ).fetchall()
        releases = read.execute("SELECT title FROM catalog.release WHERE id = 'audit:new'")
        assert (tracks, releases.fetchall()) == ([(stale, "unseen")], [("unseen",)])


def test_a_truncated_table_leaves_no_ghosts(chain: Chain) -> None:
    with psycopg.connect(chain.endpoints.master_dsn, autocommit=True) as master:
        master.execute("INSERT INTO format (id, code) VALUES ('audit:f', 'MP3')")
    chain.idle()
    with unseen(chain, "format") as master:
        master.execute("TRUNCATE format")
    kinds = {kind for kind, _ in differences(chain, "format", codes=(3,)).values()}
    assert kinds == {"ghost"}
    chain.catalog("audit", "--heal", "format")
    assert differences(chain, "format") == {}


def differences(
    chain: Chain, *tables: str, codes: tuple[int, ...] = (0,)
) -> dict[tuple[str, str], tuple[str, list[str]]]:
    """(table, id) → (kind, fields) of what an audit finds."""
    report: list[dict[str, Any]] = json.loads(
        chain.catalog("audit", "--json", *tables, codes=codes)
    )
    return {
        (table["table"], one["id"]): (one["kind"], one["fields"])
        for table in report
        for one in table["differences"]
    }

"""An audit of a large master, while changes arrive: all that differs, and nothing else.

At full size (`CHAIN_SIZE=full`) a million tracks with all that belongs to them, 6.7 million rows,
and 500 differences of all kinds.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.chain.agreement import disagreements
from tests.chain.conftest import Note
from tests.chain.loading import Load, next_seed
from tests.chain.processes import NEW_RELEASES, PROJECT, Chain, Watched
from tests.chain.size import Size
from tests.chain.unseen import CHANGED, Found, plain_select, put_in, unseen, without_indexes

pytestmark = pytest.mark.integration

MOST_OF_AN_AUDIT = 300
"""Megabytes."""
RATE = 50
"""Changes per second meanwhile."""
MOST_CAPTURED = 20_000
"""Tracks of a catalog that goes through capture."""
BOUND = 7_200.0
"""Seconds that a step may take at full size."""


def test_all_that_differs_is_found_and_healed_and_nothing_else(
    chain: Chain, size: Size, note: Note
) -> None:
    fill(chain, size.audited, note)
    put = put_in(chain, size.differences)
    with Load(chain, RATE):
        heal = chain.watched("audit", "--heal", "--json", seconds=BOUND)
        assert heal.code == 0, heal.errors + heal.out
        assert found_by(heal, "healed") == put
        assert found_by(heal) == set()
        audit = chain.watched("audit", "--json", seconds=BOUND)
    assert audit.code == 0, audit.errors + audit.out
    assert found_by(audit) == set()
    report = json.loads(audit.out)
    note("differences put in, found and healed", len(put))
    note("rows of the master", sum(table["master_rows"] for table in report))
    note("events in the log", sum(table["events"] for table in report))
    note("seconds of an audit", round(audit.seconds, 1))
    note("seconds of an audit that heals, and looks again", round(heal.seconds, 1))
    began = time.monotonic()
    rows = plain_select(chain, [table["table"] for table in report])
    note(f"seconds of a plain SELECT of {rows:,} rows", round(time.monotonic() - began, 1))
    note("peak memory of an audit, MB", round(audit.peak))
    note("peak memory of an audit that heals, MB", round(heal.peak))
    chain.idle(BOUND)
    assert disagreements(chain.endpoints, [own for _, _, own, _ in put]) == []
    assert max(audit.peak, heal.peak) < MOST_OF_AN_AUDIT


def fill(chain: Chain, tracks: int, note: Note) -> None:
    """A synthetic catalog in master, log and read models.

    A small one is captured and translated. Of a large one the same events are written straight
    onto their topics: that the audit finds nothing else proves them the same.
    """
    began, seed = time.monotonic(), str(next_seed())
    catalog = ("generate", "--tracks", str(tracks), "--seed", seed)
    chain.stop("project", "new releases")  # a backlog is cheaper than keeping up
    if tracks <= MOST_CAPTURED:
        chain.catalog(*catalog)
    else:
        with (
            unseen(chain, *CHANGED) as master,
            without_indexes(master, *CHANGED),
            ThreadPoolExecutor(1) as pool,
        ):
            events = pool.submit(chain.catalog, *catalog, "--as-events", seconds=BOUND)
            chain.catalog(*catalog, seconds=BOUND)
            events.result()
    note("seconds until master and log were filled", round(time.monotonic() - began, 1))
    chain.start("project", PROJECT)
    chain.start("new releases", NEW_RELEASES)
    chain.idle(BOUND)
    note("tracks of the master", tracks)
    note("seconds until all of it was in the read models", round(time.monotonic() - began, 1))


def found_by(audit: Watched, which: str = "differences") -> set[Found]:
    """What an audit found, once each, or what it had healed."""
    report: list[dict[str, Any]] = json.loads(audit.out)
    listed = [
        (table["table"], one["topic"], one["id"], one["kind"])
        for table in report
        for one in table[which]
    ]
    assert len(listed) == len(set(listed))
    assert not any(table["uncounted"] or table["unusable"] for table in report)
    return set(listed)

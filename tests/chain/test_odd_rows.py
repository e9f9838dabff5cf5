"""Rows with odd values, written into the master by SQL, and through the whole chain.

Each row ends right in the read catalog or is parked with a reason of bounded length; their
neighbours are right, every process lives, and the audit makes right what was parked.
"""

import json
from collections.abc import Collection
from random import Random

import psycopg
import pytest

from adapters.capture.columns import TABLES
from domain.failures import LONGEST_REASON
from tests.chain.conftest import Note
from tests.chain.processes import Chain
from tests.chain.size import Size
from tests.fuzz.rows import (
    Row,
    differing,
    good_row,
    in_master,
    in_read_catalog,
    odd_row,
    odder,
    write,
)

pytestmark = pytest.mark.integration

Seen = dict[tuple[str, str], tuple[object, ...]]
"""(table, id) → what a row says."""


def test_odd_rows_are_right_or_parked_and_spoil_nothing(
    chain: Chain, size: Size, note: Note
) -> None:
    chain.idle()
    rows = _write(chain, size.rows)
    chain.idle(300)
    expected, found = _both(chain)
    assert expected.keys() == {(row.table, row.id) for row in rows}
    parked = _parked(chain)
    assert all(0 < len(reason) <= LONGEST_REASON + 100 for reason in parked.values())
    wrong = _wrong(expected, found, but=parked)
    assert wrong == {}
    assert found.keys() <= expected.keys()
    assert not any(id.startswith("good-") for id in parked)
    note("rows", len(expected))
    note("of them parked", len(parked))
    assert 0 < len(parked) < 0.6 * len(expected), "it does neither too much nor too little"
    _all_live(chain)
    _correct(chain, [(table, id) for table, id in expected if id in parked])
    _remove(chain)
    _all_live(chain)


def _write(chain: Chain, count: int) -> list[Row]:
    """Rows that are odd from the start or become it, and a good one beside each."""
    chance = Random(12)  # noqa: S311 - no secret
    rows: list[Row] = []
    with psycopg.connect(chain.endpoints.master_dsn, autocommit=True) as master:
        for number in range(count):
            row = odd_row(chance, number)
            is_odd_at_once = chance.random() < 0.5
            first = row if is_odd_at_once else Row(row.table, {"id": row.id})
            if not write(master, first, is_new=True):
                continue
            if not is_odd_at_once:
                write(master, row, is_new=False)
            if chance.random() < 0.3:
                write(master, odder(chance, row), is_new=False)
            write(master, good_row(number), is_new=True)
            rows += [row, good_row(number)]
    return rows


def _both(chain: Chain) -> tuple[Seen, Seen]:
    """What the master says, and what the read catalog does."""
    expected: Seen = {}
    found: Seen = {}
    with (
        psycopg.connect(chain.endpoints.master_dsn) as master,
        psycopg.connect(chain.endpoints.read_dsn) as read,
    ):
        for table in TABLES:
            expected |= {(table, id): row for id, row in in_master(master, table).items()}
            found |= {(table, id): row for id, row in in_read_catalog(read, table).items()}
    return expected, found


def _wrong(
    expected: Seen, found: Seen, but: Collection[str] = ()
) -> dict[tuple[str, str], list[str]]:
    """Rows that the read catalog hasn't as the master has them, with what differs."""
    return {
        at: differing(at[0], row, found.get(at))
        for at, row in expected.items()
        if at[1] not in but and found.get(at) != row
    }


def _parked(chain: Chain) -> dict[str, str]:
    """Id → the first reason why something of it is parked."""
    found: dict[str, str] = {}
    with psycopg.connect(chain.endpoints.read_dsn) as read:
        letters = read.execute(
            "SELECT stage, key, reason FROM engine.dead_letter"
            " WHERE read_model IN ('', 'catalog') ORDER BY number"
        )
        for stage, key, reason in letters:
            id = json.loads(key)["id"] if stage == "translate" else key.decode()
            found.setdefault(id, reason)
    return found


def _correct(chain: Chain, parked: list[tuple[str, str]]) -> None:
    """What docs/how-to/mishaps.md says: correct the row, discard what is parked, heal."""
    tables = sorted({table for table, _ in parked})
    with psycopg.connect(chain.endpoints.master_dsn, autocommit=True) as master:
        for table in tables:
            nulls = ", ".join(f"{name} = NULL" for name in TABLES[table] if name != "id")
            ids = [id for at, id in parked if at == table]
            master.execute(f"UPDATE {table} SET {nulls} WHERE id = ANY(%s)".encode(), (ids,))
    chain.idle(300)
    chain.catalog("dead-letters", "discard", "--all")
    chain.catalog(
        "audit", "--heal", *tables
    )  # it looks again, and ends with 3 where not all is well
    chain.idle(300)
    expected, found = _both(chain)
    assert _wrong(expected, found) == {}


def _remove(chain: Chain) -> None:
    """Other tests find the master as it was."""
    with psycopg.connect(chain.endpoints.master_dsn, autocommit=True) as master:
        for table in TABLES:
            master.execute(
                f"DELETE FROM {table} WHERE id LIKE 'odd-%' OR id LIKE 'good-%'".encode()
            )
    chain.idle(300)
    assert _both(chain) == ({}, {})
    assert _parked(chain) == {}


def _all_live(chain: Chain) -> None:
    for name, child in chain.children.items():
        assert child.is_running, f"{name} ended: {child.output()[-2000:]}"

"""Synthetic data in a real master database, and the load that plays on it."""

import re
from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest

from adapters.synthetic.catalog import SyntheticCatalog, SyntheticTopic, final_rows
from adapters.synthetic.load import LoadPlan, run_load
from adapters.synthetic.master import write_catalog
from domain.failures import WrongUsage
from tests.databases import MASTER, Databases

pytestmark = pytest.mark.integration
PLAN = SyntheticCatalog(tracks=600, seed=5, updates=0.2)


@pytest.fixture
def master(databases: Databases) -> Iterator[str]:
    dsn = databases.create(MASTER)
    yield dsn
    databases.drop(dsn)


def counts(dsn: str) -> dict[str, int]:
    with psycopg.connect(dsn) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()[0]  # type: ignore[index]
            for table in ("track", "release", "identifier", "deal", "format", "artist")
        }


def write(dsn: str) -> tuple[int, int]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return write_catalog(connection, PLAN)


def load(dsn: str, plan: LoadPlan) -> Counter[str]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return run_load(connection, plan, wait=lambda seconds: None)


def test_a_catalog_is_written_whole_and_labelled(master: str) -> None:
    added, updated = write(master)
    assert counts(master)["track"] == PLAN.tracks
    assert added > 6 * PLAN.tracks
    assert updated > 0
    with psycopg.connect(master) as connection:
        assert connection.execute("SELECT id, kind, status FROM ern_message").fetchall() == [
            ("syn:5", "synthetic", "applied")
        ]
        rows = dict[str, float](connection.execute("SELECT id, popularity FROM track").fetchall())
        prices = connection.execute("SELECT prices FROM deal WHERE prices IS NOT NULL").fetchall()
    fresh = final_rows(SyntheticTopic("track", PLAN.tracks, PLAN.tracks, PLAN.seed))
    before = dict(zip(fresh["id"], fresh["popularity"], strict=True))
    changed = sum(before[row] != popularity for row, popularity in rows.items())
    assert 0 < changed < PLAN.tracks
    assert all(
        ("code" in price) != bool(re.fullmatch(r"\d+\.\d{1,2}|\d+", price.get("amount", "")))
        for (deal,) in prices
        for price in deal
    )


def test_the_same_seed_is_not_written_twice(master: str) -> None:
    write(master)
    before = counts(master)
    with pytest.raises(WrongUsage, match="seed 5"):
        write(master)
    assert counts(master) == before


def test_a_load_changes_what_is_there_and_removes_only_its_own(master: str) -> None:
    write(master)
    before = counts(master)
    done = load(master, LoadPlan(rate=1000, seconds=0.4, seed=2))
    kinds = Counter(kind.split()[1] for kind in done.elements())
    assert done.total() == 400
    assert kinds["updated"] > kinds["inserted"] > kinds["deleted"] > 0
    after = counts(master)
    for table in ("track", "identifier"):
        assert after[table] - before[table] == done[f"{table} inserted"] - done[f"{table} deleted"]
    with pytest.raises(WrongUsage, match="seed 2"):
        load(master, LoadPlan(rate=1000, seconds=0.1, seed=2))


def test_a_load_works_on_an_empty_master(master: str) -> None:
    done = load(master, LoadPlan(rate=1000, seconds=0.05, seed=1))
    assert done.total() == 50

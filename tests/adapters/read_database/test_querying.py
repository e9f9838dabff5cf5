"""Queries of read models on PostgreSQL: one connection, many requests, other generations."""

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from adapters.read_database.query_pool import QueryPool
from adapters.read_database.querying import (
    SETTINGS,
    NoReadTables,
    ReadAccess,
    ReadDatabaseAway,
    ReadQueries,
    TooSlow,
    open_queries,
)
from domain.failures import NotMigrated
from projections.catalog.queries.lookup import MATCHES_LIMIT, PARTY_LIMIT, asked, look_up
from tests.catalog_rows import make_catalog, number, write

pytestmark = pytest.mark.integration
ISRC = "USSKG1912345"
GTIN = "00763331950658"
DPID = "PADPIDA2007050901U"


@pytest.fixture
def catalog(database: str) -> Iterator[psycopg.Connection[Any]]:
    make_catalog(database)
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def queries(database: str, catalog: psycopg.Connection[Any]) -> Iterator[ReadQueries]:
    with open_queries(ReadAccess(database), "test", SETTINGS) as queries:
        yield queries


def found(queries: ReadQueries, scheme: str, value: str) -> list[dict[str, Any]]:
    (answer,) = look_up(queries.rows, [asked(scheme, value)])
    return answer.matches()


def test_an_isrc_finds_every_track_of_its_recording(
    catalog: psycopg.Connection[Any], queries: ReadQueries
) -> None:
    write(catalog, "release", {"id": "R", "title": "Album", "status": "active"})
    write(catalog, "recording", {"id": "C", "title": "Song", "display_artist": "Singer"})
    write(
        catalog,
        "track",
        {"id": "T1", "recording_id": "C", "release_id": "R"},
        {"id": "T2", "recording_id": "C", "release_id": "missing", "title": "Song (Live)"},
        {"id": "T3", "recording_id": "other", "release_id": "R"},
    )
    write(catalog, "identifier", number("i", "isrc", ISRC, "recording", "C"))
    first, second = found(queries, "isrc", "us-skg-19-12345")
    assert (first["owner"], first["id"], first["release"]["title"]) == ("track", "T1", "Album")
    assert (second["id"], second["track"]["title"]) == ("T2", "Song (Live)")
    assert (second["track"]["release_id"], second["release"]) == ("missing", None)


def test_a_track_is_found_before_its_recording_is_there(
    catalog: psycopg.Connection[Any], queries: ReadQueries
) -> None:
    write(catalog, "track", {"id": "T", "recording_id": "C", "release_id": "R", "title": "Song"})
    write(catalog, "identifier", number("i", "isrc", ISRC, "recording", "C"))
    (match,) = found(queries, "isrc", ISRC)
    assert (match["id"], match["track"]["title"], match["recording"]) == ("T", "Song", None)


def test_a_number_on_a_track_and_on_its_recording_finds_it_once(
    catalog: psycopg.Connection[Any], queries: ReadQueries
) -> None:
    write(catalog, "track", {"id": "T", "recording_id": "C", "title": "Song"})
    write(
        catalog,
        "identifier",
        number("i", "proprietary", "X 1", "track", "T", namespace=DPID),
        number("j", "proprietary", "X 1", "recording", "C", namespace=DPID),
    )
    (match,) = found(queries, "proprietary", "X  1")
    assert (match["owner"], match["match"]["namespace"]) == ("track", DPID)


def test_all_forms_of_a_barcode_find_all_its_releases_that_are_there(
    catalog: psycopg.Connection[Any], queries: ReadQueries
) -> None:
    write(
        catalog, "release", {"id": "R1", "status": "active"}, {"id": "R2", "status": "taken_down"}
    )
    write(
        catalog,
        "identifier",
        number("i1", "gtin", GTIN, "release", "R1", value_raw="763331950658"),
        number("i2", "gtin", GTIN, "release", "R2"),
        number("i3", "gtin", GTIN, "release", "purged"),
    )
    for form in ("763331950658", "0763331950658", GTIN):
        matches = found(queries, "upc", form)
        assert [(m["id"], m["release"]["status"]) for m in matches] == [
            ("R1", "active"),
            ("R2", "taken_down"),
        ]
    assert found(queries, "gtin", "00094631432057") == []
    assert found(queries, "grid", "A12425GABC1234002M") == []


def test_invalid_numbers_are_found_as_they_were_written(
    catalog: psycopg.Connection[Any], queries: ReadQueries
) -> None:
    polluted = "00028948386765_DEF058400331_R1"
    write(catalog, "release", {"id": "R", "title": "Album"})
    write(
        catalog,
        "identifier",
        number("i1", "gtin", polluted, "release", "R", is_valid=False, flaw="no barcode"),
        # Written under an older rule, which made another key of it.
        number("i2", "gtin", "old key", "release", "R", value_raw="12345", is_valid=False),
    )
    (match,) = found(queries, "icpn", f" {polluted} ")
    assert (match["match"]["valid"], match["match"]["flaw"]) == (False, "no barcode")
    assert [m["id"] for m in found(queries, "icpn", "12345")] == ["R"]
    assert found(queries, "isrc", "12345") == []


def test_a_large_party_shows_its_first_releases(
    catalog: psycopg.Connection[Any], queries: ReadQueries
) -> None:
    write(catalog, "party", {"id": "P"})
    write(catalog, "licensor", {"id": "L", "party_id": "P"})
    ids = [f"{i:04}" for i in range(PARTY_LIMIT + 20)]
    write(catalog, "release", *({"id": i, "licensor_id": "L"} for i in reversed(ids)))
    write(catalog, "identifier", number("i", "dpid", DPID, "party", "P"))
    (match,) = found(queries, "dpid", DPID)
    assert [release["id"] for release in match["party"]["releases"]] == ids[:PARTY_LIMIT]


def test_a_number_on_very_many_says_that_there_are_more(
    catalog: psycopg.Connection[Any], queries: ReadQueries
) -> None:
    write(catalog, "recording", {"id": "C"})
    for n in range(MATCHES_LIMIT + 5):
        write(catalog, "track", {"id": f"{n:04}", "recording_id": "C"})
    write(catalog, "identifier", number("i", "isrc", ISRC, "recording", "C"))
    (answer,) = look_up(queries.rows, [asked("isrc", ISRC)])
    assert (len(answer.matches()), answer.truncated) == (MATCHES_LIMIT, True)


def test_the_prepared_statement_follows_a_switch_of_generations(
    database: str, catalog: psycopg.Connection[Any], queries: ReadQueries
) -> None:
    make_catalog(database, "catalog_g2", 2)
    for schema, title in (("catalog", "Old"), ("catalog_g2", "New")):
        write(catalog, "recording", {"id": "C", "title": title}, schema=schema)
        write(catalog, "identifier", number("i", "isrc", ISRC, "recording", "C"), schema=schema)
    assert [m["recording"]["title"] for m in found(queries, "isrc", ISRC)] == ["Old"]
    catalog.execute(
        "BEGIN; ALTER SCHEMA catalog RENAME TO catalog_g1; "
        "ALTER SCHEMA catalog_g2 RENAME TO catalog; COMMIT"
    )
    assert [m["recording"]["title"] for m in found(queries, "isrc", ISRC)] == ["New"]
    (former,) = look_up(queries.rows, [asked("isrc", ISRC)], "catalog_g1")
    assert former.matches()[0]["recording"]["title"] == "Old"


@pytest.mark.parametrize("is_pooled", [False, True])
def test_what_a_database_says_is_told_in_our_words(database: str, is_pooled: bool) -> None:
    access = ReadAccess(database, is_pooled)
    with open_queries(access, "test", {"statement_timeout": "50ms"}) as queries:
        with pytest.raises(NoReadTables, match="catalog rebuild"):
            look_up(queries.rows, [asked("isrc", ISRC)])
        with pytest.raises(NotMigrated):
            queries.rows("SELECT * FROM engine.api_key", {})
        with pytest.raises(TooSlow):
            queries.rows("SELECT pg_sleep(10)", {})
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            queries.rows("CREATE TABLE public.mine ()", {})
        assert queries.rows("SELECT %(x)s::int", {"x": 1}) == [(1,)]
    unreachable = ReadAccess("postgresql://127.0.0.1:1/nowhere", is_pooled)
    with pytest.raises(ReadDatabaseAway), open_queries(unreachable, "test", {}):
        pass


def test_through_a_pooler_nothing_outlasts_a_transaction(database: str) -> None:
    """What another client finds in a session that ours used."""
    probe = "SELECT current_setting('statement_timeout'), count(*) FROM pg_prepared_statements"

    async def ask() -> list[Any]:
        pool = QueryPool(ReadAccess(database, is_pooled=True), 1)
        try:
            for _ in range(8):  # psycopg prepares what it is asked for often
                rows = await pool.rows("SELECT current_setting('statement_timeout')", {})
            return rows
        finally:
            (connection,) = pool._idle
            cursor = await connection.execute(probe.encode())
            assert await cursor.fetchall() == [("0", 0)]
            await pool.close()

    assert asyncio.run(ask()) == [("5s",)]

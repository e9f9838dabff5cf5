"""The read catalog's migration: it leads to the models, and its functions say what is on offer."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from migrations import run
from projections.catalog import METADATA
from tests.catalog_rows import number, write
from tests.databases import READ_CATALOG, Databases

pytestmark = pytest.mark.integration
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def catalog_dsn(databases: Databases) -> Iterator[str]:
    dsn = databases.create(READ_CATALOG)
    yield dsn
    databases.drop(dsn)


@pytest.fixture
def catalog(catalog_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(catalog_dsn, autocommit=True) as connection:
        write(connection, "release", {"id": "R", "title": "Album", "status": "active"})
        write(
            connection,
            "track",
            {"id": "T2", "release_id": "R", "disc_number": 1, "track_number": 2, "title": "Two"},
            {"id": "T1", "release_id": "R", "disc_number": 1, "track_number": 1,
             "recording_id": "C"},
            {"id": "T9", "release_id": "elsewhere", "title": "Stray"},
        )  # fmt: skip
        write(connection, "recording", {"id": "C", "title": "One", "duration_ms": 1000})
        yield connection


def offers(
    connection: psycopg.Connection[Any], country: str = "DE", moment: datetime = NOON,
    release: str = "R", schema: str = "catalog",
) -> set[str]:  # fmt: skip
    rows = connection.execute(
        sql.SQL("SELECT id FROM {}(%s, %s, %s)").format(sql.Identifier(schema, "release_offer")),
        (release, country, moment),
    )
    return {id_ for (id_,) in rows}


def download(id_: str, **terms: object) -> dict[str, Any]:
    return {
        "id": id_, "release_id": "R", "use_type": "PermanentDownload",
        "commercial_model": "PayAsYouGoModel", "territories": ["Worldwide"],
    } | terms  # fmt: skip


def test_tables_are_as_the_models_say_and_can_be_undone(database: str) -> None:
    for schema in ("catalog", "catalog_g2"):
        run.upgrade(database, "read_catalog", schema)
        assert run.check(database, schema, METADATA) == []
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE catalog.track DROP COLUMN url")
    assert run.check(database, "catalog", METADATA) != []
    assert run.check(database, "catalog_g2", METADATA) == []


@pytest.mark.parametrize(
    ("territories", "excluded", "country", "covered"),
    [
        (["DE", "FR"], None, "DE", True),
        (["DE", "FR"], None, "de", True),
        (["DE", "FR"], [], "GB", False),
        (["Worldwide"], None, "GB", True),
        (["2136"], None, "GB", True),
        (["Worldwide"], ["GB"], "GB", False),
        (["Worldwide"], ["GB"], "DE", True),
        (None, ["GB", "US"], "GB", False),
        ([], ["GB", "US"], "DE", True),
        (None, None, "DE", True),
    ],
)
def test_territories(
    catalog: psycopg.Connection[Any],
    territories: list[str] | None,
    excluded: list[str] | None,
    country: str,
    covered: bool,
) -> None:
    deal = download("D", territories=territories, excluded_territories=excluded)
    write(catalog, "download_offer", deal)
    assert offers(catalog, country) == ({"D"} if covered else set())


def test_periods_begin_inclusive_and_end_exclusive(catalog: psycopg.Connection[Any]) -> None:
    write(
        catalog,
        "download_offer",
        download("always"),
        download("now", valid_from=NOON, valid_to=NOON + HOUR),
        download("over", valid_from=NOON - HOUR, valid_to=NOON),
        download("future", valid_from=NOON + HOUR),
    )
    assert offers(catalog) == {"always", "now"}
    assert offers(catalog, moment=NOON + 2 * HOUR) == {"always", "future"}


def test_offers_of_both_kinds_for_the_release_and_its_tracks(
    catalog: psycopg.Connection[Any],
) -> None:
    write(catalog, "download_offer", download("d"), download("dt", track_id="T1", release_id=None))
    write(
        catalog,
        "streaming_right",
        {"id": "s", "release_id": "R", "use_type": "OnDemandStream"},
        {"id": "st", "release_id": "R", "track_id": "T2"},
        {"id": "other", "release_id": "other"},
    )
    assert offers(catalog) == {"d", "dt", "s", "st"}
    assert offers(catalog, release="nowhere") == set()


def test_takedowns_withdraw_what_they_cover(catalog: psycopg.Connection[Any]) -> None:
    write(
        catalog,
        "download_offer",
        download("album"),
        download("single", track_id="T1"),
        download("t1", track_id="T1", is_takedown=True, territories=["FR"]),
        download("later", is_takedown=True, valid_from=NOON + HOUR),
    )
    write(
        catalog,
        "streaming_right",
        {"id": "s", "release_id": "R", "use_type": "OnDemandStream"},
        {"id": "all", "release_id": "R", "is_takedown": True, "territories": ["GB"]},
    )
    assert offers(catalog, "DE") == {"album", "single", "s"}
    assert offers(catalog, "FR") == {"album", "s"}
    assert offers(catalog, "GB") == set()  # a takedown that names no use covers every use
    assert offers(catalog, "DE", NOON + HOUR) == {"s"}
    catalog.execute("UPDATE catalog.release SET status = 'taken_down'")
    assert offers(catalog, "DE") == set()


def test_a_release_in_a_country_is_one_answer(catalog: psycopg.Connection[Any]) -> None:
    price = [{"amount": "7.99", "currency": "EUR"}]
    write(
        catalog,
        "download_offer",
        download("d", prices=price),
        download("dt", track_id="T1", territories=["DE"]),
    )
    write(
        catalog,
        "identifier",
        number("i1", "gtin", "00763331950658", "release", "R"),
        number("i2", "isrc", "USSKG1912345", "recording", "C"),
    )
    answer = catalog.execute("SELECT catalog.release_in_country('R', 'DE', %s)", (NOON,)).fetchone()
    assert answer is not None
    (release,) = answer
    assert (release["title"], release["status"]) == ("Album", "active")
    assert "event_offset" not in release
    assert [(o["id"], o["prices"]) for o in release["offers"]] == [("d", price)]
    assert [(t["track_id"], t["title"]) for t in release["tracks"]] == [
        ("T1", "One"),
        ("T2", "Two"),
    ]
    assert [[o["id"] for o in t["offers"]] for t in release["tracks"]] == [["dt"], []]
    assert release["tracks"][0]["duration_ms"] == 1000
    assert release["identifiers"] == [{"scheme": "gtin", "value": "00763331950658", "valid": True}]
    isrc = {"scheme": "isrc", "value": "USSKG1912345", "valid": True}
    assert [t["identifiers"] for t in release["tracks"]] == [[isrc], []]
    unknown = catalog.execute("SELECT catalog.release_in_country('x', 'DE', now())").fetchone()
    assert unknown == (None,)


def test_functions_and_views_go_with_their_generation(
    catalog_dsn: str, catalog: psycopg.Connection[Any]
) -> None:
    run.upgrade(catalog_dsn, "read_catalog", "catalog_g2")
    write(catalog, "download_offer", download("old"))
    write(catalog, "download_offer", download("new"), schema="catalog_g2")
    catalog.execute(
        "BEGIN; ALTER SCHEMA catalog RENAME TO catalog_g1; "
        "ALTER SCHEMA catalog_g2 RENAME TO catalog; COMMIT"
    )
    assert offers(catalog) == {"new"}
    assert offers(catalog, schema="catalog_g1") == {"old"}
    assert catalog.execute("SELECT count(*) FROM catalog_g1.release_track").fetchone() == (3,)
    assert catalog.execute("SELECT count(*) FROM catalog.release_track").fetchone() == (0,)
    assert run.check(catalog_dsn, "catalog", METADATA) == []

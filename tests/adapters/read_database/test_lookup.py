"""The lookup's statement on PostgreSQL."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from adapters.read_database.lookup import PostgresIdentifiers, identifier_index
from domain.failures import Failure
from projections.catalog.queries.owners import LIST_LIMIT, MatchRow, look_up, look_up_all
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
def index(database: str, catalog: psycopg.Connection[Any]) -> Iterator[PostgresIdentifiers]:
    with identifier_index(database) as index:
        yield index


def found(index: PostgresIdentifiers, scheme: str, value: str) -> list[tuple[object, ...]]:
    matches = look_up(index, scheme, value).matches
    return [(m.owner, m.id, m.title, m.artist, m.release_id, m.release_title) for m in matches]


def test_an_isrc_finds_its_recording_and_every_track_of_it(
    catalog: psycopg.Connection[Any], index: PostgresIdentifiers
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
    assert found(index, "isrc", "us-skg-19-12345") == [
        ("track", "T1", "Song", "Singer", "R", "Album"),
        ("track", "T2", "Song (Live)", "Singer", "missing", None),
        ("recording", "C", "Song", "Singer", None, None),
    ]


def test_a_track_is_found_before_its_recording_is_there(
    catalog: psycopg.Connection[Any], index: PostgresIdentifiers
) -> None:
    write(catalog, "track", {"id": "T", "recording_id": "C", "release_id": "R", "title": "Song"})
    write(catalog, "identifier", number("i", "isrc", ISRC, "recording", "C"))
    assert found(index, "isrc", ISRC) == [("track", "T", "Song", None, "R", None)]


def test_a_number_on_a_track_itself_finds_it_once(
    catalog: psycopg.Connection[Any], index: PostgresIdentifiers
) -> None:
    write(catalog, "track", {"id": "T", "recording_id": "C", "title": "Song"})
    write(
        catalog,
        "identifier",
        number("i", "proprietary", "X 1", "track", "T", namespace=DPID),
        number("j", "proprietary", "X 1", "recording", "C", namespace=DPID),
    )
    (match,) = look_up(index, "proprietary", "X  1").matches
    assert (match.owner, match.id, match.namespace) == ("track", "T", DPID)


def test_all_forms_of_a_barcode_find_all_its_releases(
    catalog: psycopg.Connection[Any], index: PostgresIdentifiers
) -> None:
    write(
        catalog,
        "release",
        {"id": "R1", "title": "Album", "display_artist": "Band", "status": "active"},
        {"id": "R2", "title": "Album", "status": "taken_down"},
    )
    write(
        catalog,
        "identifier",
        number("i1", "gtin", GTIN, "release", "R1", value_raw="763331950658"),
        number("i2", "gtin", GTIN, "release", "R2"),
        number("i3", "gtin", GTIN, "release", "purged"),
    )
    for form in ("763331950658", "0763331950658", GTIN):
        answer = look_up(index, "upc", form)
        assert [(m.id, m.release_id, m.status) for m in answer.matches] == [
            ("R1", "R1", "active"),
            ("R2", "R2", "taken_down"),
        ]
    assert found(index, "gtin", "00094631432057") == []
    assert found(index, "grid", "A12425GABC1234002M") == []


def test_flawed_numbers_are_found_as_they_were_written(
    catalog: psycopg.Connection[Any], index: PostgresIdentifiers
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
    (match,) = look_up(index, "icpn", f" {polluted} ").matches
    assert (match.id, match.valid, match.flaw, match.raw) == ("R", False, "no barcode", polluted)
    assert [m.id for m in look_up(index, "icpn", "12345").matches] == ["R"]
    assert look_up(index, "isrc", "12345").error
    assert look_up(index, "icpn", "123456").error


def test_a_party_has_its_labels_and_releases(
    catalog: psycopg.Connection[Any], index: PostgresIdentifiers
) -> None:
    write(catalog, "party", {"id": "P", "name": "Big Music"}, {"id": "Q", "name": "Other"})
    write(catalog, "licensor", {"id": "L", "party_id": "P"}, {"id": "M", "party_id": "Q"})
    write(
        catalog,
        "label",
        {"id": "own", "party_id": "P", "name": "Own", "licensor_id": "M"},
        {"id": "both", "party_id": "P", "licensor_id": "L", "name": "Both"},
        {"id": "licensed", "licensor_id": "L", "name": "Licensed"},
        {"id": "foreign", "licensor_id": "M", "name": "Foreign"},
    )
    write(
        catalog,
        "release",
        {"id": "1", "label_id": "own", "licensor_id": "M", "title": "By label"},
        {"id": "2", "label_id": "foreign", "licensor_id": "L", "title": "By licensor"},
        {"id": "3", "label_id": "both", "licensor_id": "L", "title": "By both"},
        {"id": "4", "label_id": "foreign", "licensor_id": "M", "title": "Foreign"},
    )
    write(catalog, "identifier", number("i", "dpid", DPID, "party", "P"))
    (match,) = look_up(index, "dpid", "PA-DPIDA-2007050901-U").as_json()["matches"]
    assert (match["owner"], match["title"]) == ("party", "Big Music")
    assert [label["name"] for label in match["labels"]] == ["Both", "Licensed", "Own"]
    assert [release["id"] for release in match["releases"]] == ["1", "2", "3"]
    assert not match["labels_truncated"]


def test_a_large_party_shows_its_first_releases(
    catalog: psycopg.Connection[Any], index: PostgresIdentifiers
) -> None:
    write(catalog, "party", {"id": "P"})
    write(catalog, "licensor", {"id": "L", "party_id": "P"})
    ids = [f"{i:04}" for i in range(LIST_LIMIT + 20)]
    write(catalog, "release", *({"id": i, "licensor_id": "L"} for i in reversed(ids)))
    write(catalog, "identifier", number("i", "dpid", DPID, "party", "P"))
    (match,) = look_up(index, "dpid", DPID).as_json()["matches"]
    assert [release["id"] for release in match["releases"]] == ids[:LIST_LIMIT]
    assert match["releases_truncated"]


def test_many_numbers_are_answered_in_order(
    catalog: psycopg.Connection[Any], index: PostgresIdentifiers
) -> None:
    numbers = [f"USSKG{n:07}" for n in range(1200)]
    with catalog.transaction():
        for n in numbers[::2]:
            write(catalog, "recording", {"id": n})
            write(catalog, "identifier", number(n, "isrc", n, "recording", n))
    asked = [("isrc", n) for n in reversed(numbers)]
    answers = list(look_up_all(index, asked))
    assert [a.value for a in answers] == [n for _, n in asked]
    assert {a.value for a in answers if a.matches} == set(numbers[::2])
    assert all(a.matches[0].id == a.value for a in answers if a.matches)


def test_the_prepared_statement_follows_a_switch_of_generations(
    database: str, catalog: psycopg.Connection[Any], index: PostgresIdentifiers
) -> None:
    make_catalog(database, "catalog_g2", 2)
    for schema, title in (("catalog", "Old"), ("catalog_g2", "New")):
        write(catalog, "recording", {"id": "C", "title": title}, schema=schema)
        write(catalog, "identifier", number("i", "isrc", ISRC, "recording", "C"), schema=schema)
    assert [title for _, _, title, *_ in found(index, "isrc", ISRC)] == ["Old"]
    catalog.execute(
        "BEGIN; ALTER SCHEMA catalog RENAME TO catalog_g1; "
        "ALTER SCHEMA catalog_g2 RENAME TO catalog; COMMIT"
    )
    assert [title for _, _, title, *_ in found(index, "isrc", ISRC)] == ["New"]
    with identifier_index(database, "catalog_g1") as former:
        assert [title for _, _, title, *_ in found(former, "isrc", ISRC)] == ["Old"]


def test_no_catalog_and_no_database_are_told_plainly(database: str) -> None:
    with identifier_index(database) as index, pytest.raises(Failure, match="'catalog' yet"):
        index.matches([])
    unreachable = "postgresql://127.0.0.1:1/nowhere"
    with pytest.raises(Failure, match="can't be reached"), identifier_index(unreachable):
        pass


def test_a_match_has_a_value_for_every_column(
    catalog: psycopg.Connection[Any], index: PostgresIdentifiers
) -> None:
    write(catalog, "recording", {"id": "C"})
    write(catalog, "identifier", number("i", "isrc", ISRC, "recording", "C"))
    (match,) = look_up(index, "isrc", ISRC).matches
    assert match == MatchRow(
        1, "recording", "C", None, None, None, None, None, None, True, None, ISRC, None, None, None
    )

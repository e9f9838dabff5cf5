"""A first guess of a mapping, by names, types and references."""

from adapters.source.definition import MappingFile
from adapters.source.guess import guess
from adapters.source.mapping import prepare
from adapters.source.postgres import FoundTable, Reference

MUSICBRAINZ = [
    FoundTable("artist_credit", ("id",), {"id": "integer", "name": "text"}),
    FoundTable("label", ("id",), {"id": "integer", "name": "text"}),
    FoundTable(
        "release",
        ("id",),
        {"id": "integer", "name": "text", "artist_credit": "integer", "barcode": "text"},
        (Reference("artist_credit", "artist_credit", "id"),),
    ),
    FoundTable(
        "medium",
        ("id",),
        {"id": "integer", "release": "integer", "position": "integer"},
        (Reference("release", "release", "id"),),
    ),
    FoundTable("recording", ("id",), {"id": "integer", "name": "text", "length": "integer"}),
    FoundTable(
        "isrc",
        ("id",),
        {"id": "integer", "recording": "integer", "isrc": "text"},
        (Reference("recording", "recording", "id"),),
    ),
    FoundTable(
        "track",
        ("id",),
        {
            "id": "integer",
            "recording": "integer",
            "medium": "integer",
            "position": "integer",
            "name": "text",
            "artist_credit": "integer",
        },
        (
            Reference("recording", "recording", "id"),
            Reference("medium", "medium", "id"),
            Reference("artist_credit", "artist_credit", "id"),
        ),
    ),
    FoundTable("editor", ("id",), {"id": "integer", "name": "text"}),
    FoundTable("log", (), {"said": "text"}),
]
CHINOOK = [
    FoundTable("Artist", ("ArtistId",), {"ArtistId": "integer", "Name": "text"}),
    FoundTable(
        "Album",
        ("AlbumId",),
        {"AlbumId": "integer", "Title": "text", "ArtistId": "integer"},
        (Reference("ArtistId", "Artist", "ArtistId"),),
    ),
    FoundTable(
        "Track",
        ("TrackId",),
        {
            "TrackId": "integer",
            "Name": "text",
            "AlbumId": "integer",
            "Composer": "text",
            "Milliseconds": "integer",
        },
        (Reference("AlbumId", "Album", "AlbumId"),),
    ),
]


def test_a_track_reaches_its_release_through_its_medium() -> None:
    found = guess(MUSICBRAINZ, "mb")
    track = found.files["track"]
    assert "LEFT JOIN medium m ON m.id = t.medium\nLEFT JOIN release r ON r.id = m.release" in track
    assert "'mb-release-' || r.id AS release_id" in track
    assert "m.position AS disc_number" in track
    assert "t.position AS track_number" in track
    assert "AS display_artist" in track
    assert set(found.tables) == {
        *("artist_credit", "label", "release", "medium", "recording", "isrc", "track"),
    }


def test_numbers_are_found_where_they_stand() -> None:
    text = guess(MUSICBRAINZ, "mb").files["identifier"]
    assert "'recording' AS owner_type, 'mb-recording-' || r.id AS owner_id" in text
    assert "'upc' AS scheme, t.barcode AS value_raw" in text


def test_names_in_two_cases_are_quoted() -> None:
    found = guess(CHINOOK, "shop")
    assert set(found.files) == {"artist", "release", "track"}
    assert 't."Milliseconds" AS duration_ms' in found.files["track"]
    assert 'LEFT JOIN "Album" a ON a."AlbumId" = t."AlbumId"' in found.files["track"]


def test_each_guess_is_a_mapping_that_is_kept_up_to_date_by_difference() -> None:
    for tables in (MUSICBRAINZ, CHINOOK):
        columns = {table.name: list(table.columns) for table in tables}
        for master, text in guess(tables, "x").files.items():
            assert prepare(MappingFile(master, text), columns).underivable == {}


SHOP = [
    FoundTable("releases", ("releaseid",), {"releaseid": "bigint", "title": "text"}),
    FoundTable(
        "track", ("id",), {"id": "bigint", "releaseid": "bigint", "title": "text", "tagid": "int"}
    ),
    FoundTable("tag", ("id",), {"id": "bigint"}),
    FoundTable("tags", ("id",), {"id": "bigint"}),
    FoundTable(
        "lyric",
        ("trackid", "language"),
        {"trackid": "bigint", "language": "text", "isrc": "text"},
    ),
]


def test_references_that_nobody_declared_are_taken_from_names() -> None:
    found = guess(SHOP, "shop")
    assert "LEFT JOIN releases r ON r.releaseid = t.releaseid" in found.files["track"]
    assert "'shop-release-' || r.releaseid AS release_id" in found.files["track"]
    assert "LEFT JOIN track tr ON tr.id = t.trackid" in found.files["identifier"]


def test_a_name_that_could_be_two_tables_is_no_reference() -> None:
    assert "tag" not in guess(SHOP, "shop").tables

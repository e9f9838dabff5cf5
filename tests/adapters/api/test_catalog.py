"""The catalog by id and in lists, over HTTP and PostgreSQL."""

from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from adapters.api import shapes
from adapters.api.server import Serving, application
from adapters.event_log.history import SearchLimits
from adapters.explanation.explanation import Explanation, WrittenBy
from tests.adapters.api.serving import prepare, serving
from tests.catalog_rows import write

pytestmark = pytest.mark.integration

SHAPES = {
    "/v1/releases/R": shapes.Release,
    "/v1/releases/a%2Fb%20c?country=us": shapes.Release,
    "/v1/releases/R/tracks?country=DE": shapes.ReleaseTracks,
    "/v1/tracks/T1?country=US&usage_types=ad_supported_stream": shapes.Track,
    "/v1/tracks/T9": shapes.Track,
    "/v1/recordings/C1": shapes.Recording,
    "/v1/releases/R/offers?country=DE": shapes.OfferPage,
    "/v1/tracks/T1/offers": shapes.OfferPage,
    "/v1/artists/A": shapes.Artist,
    "/v1/artists/A/releases": shapes.ReleasePage,
    "/v1/labels/B": shapes.Label,
    "/v1/labels/C/releases": shapes.ReleasePage,
    "/v1/releases": shapes.ReleaseChanges,
    "/v1/search?title=light": shapes.SearchResults,
    "/v1/identifiers/conflicts": shapes.ConflictPage,
    "/v1/identifiers/conflicts?scheme=gtin": shapes.ConflictPage,
    "/v1/explain/release/R": shapes.Explanation,
    "/v1/explain/download/d1": shapes.Explanation,
    "/v1/lookup/isrc/USSKG1912345": shapes.Lookup,
    "/v1/lookup/upc/763331950658?country=DE": shapes.Lookup,
    "/v1/lookup/dpid/PADPIDA2007050901U": shapes.Lookup,
}


def get(client: httpx.Client, path: str, status: int = 200) -> Any:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.parametrize("path", SHAPES)
def test_every_answer_is_of_its_declared_shape(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["catalog-generation"] == "7"
    msgspec.json.decode(answer.content, type=SHAPES[path])


def test_a_release_says_who_it_is_from(client: httpx.Client) -> None:
    release = get(client, "/v1/releases/R")
    assert release["label"] == {"id": "B", "name": "Blue", "dpid": "PADPIDA2007050901U"}
    assert release["licensor"]["name"] == "Big Music"
    assert release["artist"] == {"id": "A", "name": "The Band"}
    assert release["revision"] == "1.5"
    assert {(n["scheme"], n["value"]) for n in release["identifiers"]} == {
        ("gtin", "00763331950658"), ("gtin", "00094631432057"), ("proprietary", "N/1 2"),
    }  # fmt: skip
    assert [form["codec"] for form in release["formats"]] == ["MP3"]
    # a label's own party goes before its licensor's
    assert get(client, "/v1/releases/a%2Fb%20c")["label"]["dpid"] == "PADPIDA2010010101X"


def test_tracks_come_in_order_with_what_their_recordings_add(client: httpx.Client) -> None:
    tracks = get(client, "/v1/releases/R/tracks")["items"]
    assert [track["title"] for track in tracks] == ["One (Remastered)", "Two"]
    assert [track["duration_ms"] for track in tracks] == [180_000, 200_000]
    assert tracks[0]["recording_identifiers"][0]["value"] == "USSKG1912345"
    assert get(client, "/v1/releases/X/tracks")["items"] == []


@pytest.mark.parametrize(
    ("asked", "state", "since", "offers", "governs"),
    [
        ("country=DE&at=2025-12-31T00:00:00Z", "upcoming", "2026-01-10",
         ["d1", "d2", "d3", "s1"], []),
        ("country=DE&at=2026-01-05T00:00:00Z", "preorder", "2026-01-10",
         ["d1", "d2", "d3", "s1"], ["d3"]),
        ("country=DE&at=2026-01-12T00:00:00Z", "available", "2026-01-10", ["d1"], ["d1"]),
        ("country=DE&at=2026-02-10T00:00:00Z", "available", "2026-01-10", ["d1", "d2", "s1"],
         ["d2", "s1"]),
        ("country=de&at=2026-02-10T00:00:00Z&usage_types=subscription_stream", "available",
         "2026-01-15", ["s1"], ["s1"]),
        ("country=DE&at=2026-03-01T00:00:00Z&usage_types=download", "available", "2026-01-10",
         ["d1"], ["d1"]),
        ("country=FR&at=2026-02-10T00:00:00Z", "available", "2026-01-15", ["s1"], ["s1"]),
        ("country=FR&at=2026-02-10T00:00:00Z&usage_types=download", "unavailable", None, [], []),
        ("country=FR&at=2026-04-10T00:00:00Z", "unavailable", None, [], []),
        ("country=US&at=2026-02-10T00:00:00Z&usage_types=ad_supported_stream", "unavailable", None,
         [], []),
        ("at=2026-02-10T00:00:00Z", "available", "2026-01-10", ["d1", "d2", "s1"], []),
    ],
)  # fmt: skip
def test_country_use_and_instant_decide(
    client: httpx.Client,
    asked: str,
    state: str,
    since: str | None,
    offers: list[str],
    governs: list[str],
) -> None:
    found = get(client, f"/v1/releases/R?{asked}")["availability"]
    assert found["state"] == state
    assert found["available"] == (state == "available")
    assert (found["from"] or "")[:10] == (since or "")
    assert sorted(offer["id"] for offer in found["offers"]) == offers
    assert sorted(offer["id"] for offer in found["offers"] if offer["governs"]) == governs


def test_a_track_has_its_own_deals_beside_those_of_its_release(client: httpx.Client) -> None:
    asked = "country=US&at=2026-02-10T00:00:00Z"
    tracks = get(client, f"/v1/releases/R/tracks?{asked}")["items"]
    assert [[(o["id"], o["scope"]) for o in t["availability"]["offers"]] for t in tracks] == [
        [("s2", "track"), ("d1", "release")],
        [("d1", "release")],
    ]


def test_what_is_taken_down_says_so(client: httpx.Client) -> None:
    found = get(client, "/v1/releases/X")["availability"]
    assert (found["state"], found["available"], found["offers"]) == ("taken_down", False, [])


@pytest.mark.parametrize(
    "path",
    ["/v1/releases/nope", "/v1/releases/nope/tracks", "/v1/tracks/R", "/v1/recordings/x",
     "/v1/artists/x", "/v1/artists/x/releases", "/v1/labels/x", "/v1/labels/x/releases",
     "/v1/explain/track/x", "/v1/nothing", "/v1/releases/", "/v2/releases/R"],
)  # fmt: skip
def test_what_is_not_there(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


def test_an_etag_holds_until_the_row_changes(database: str) -> None:
    prepare(database)
    with (
        psycopg.connect(database, autocommit=True) as connection,
        serving(application(Serving(database, is_open=True))) as client,
    ):
        write(connection, "release", {"id": "R", "title": "Old"})
        first = client.get("/v1/releases/R")
        kept = {"If-None-Match": first.headers["etag"]}
        again = client.get("/v1/releases/R", headers=kept)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        connection.execute("UPDATE catalog.release SET event_offset = event_offset + 1")
        assert client.get("/v1/releases/R", headers=kept).status_code == 200


def test_head_methods_and_compression(client: httpx.Client) -> None:
    full = client.get("/v1/releases/R/tracks", headers={"Accept-Encoding": "gzip"})
    assert full.headers["content-encoding"] == "gzip"
    head = client.head("/v1/releases/R")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == client.get("/v1/releases/R").headers["etag"]
    refused = client.post("/v1/releases/R")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


def test_lists_are_paged(client: httpx.Client) -> None:
    first = get(client, "/v1/artists/A/releases?limit=1")
    second = get(client, f"/v1/artists/A/releases?limit=1&cursor={first['next_cursor']}")
    assert [r["id"] for r in first["items"] + second["items"]] == ["R", "X"]
    assert second["next_cursor"] is None
    get(client, f"/v1/labels/B/releases?cursor={first['next_cursor']}", status=400)
    get(client, "/v1/labels/B/releases?cursor=zzz", status=400)


def test_search_finds_words_of_titles_and_artists(client: httpx.Client) -> None:
    assert [r["id"] for r in get(client, "/v1/search?title=frist+light")["items"]] == ["R", "a/b c"]
    assert [r["id"] for r in get(client, "/v1/search?artist=anoter")["items"]] == ["a/b c"]
    assert get(client, "/v1/search?title=light&artist=the+band")["items"][0]["id"] == "R"
    assert get(client, "/v1/search?title=zzzzzz")["items"] == []
    get(client, "/v1/search", status=400)


def walk(client: httpx.Client, path: str) -> tuple[list[str], str]:
    """Ids of all pages, and the last cursor."""
    seen: list[str] = []
    page = get(client, path)
    while True:
        seen += [release["id"] for release in page["items"]]
        cursor = page["next_cursor"]
        if not page["more"]:
            return seen, cursor
        page = get(client, f"{path}&cursor={cursor}")


def test_changes_since_an_instant(client: httpx.Client) -> None:
    assert walk(client, "/v1/releases?limit=1")[0] == ["R", "a/b c", "X"]
    assert walk(client, "/v1/releases?limit=1&label=B")[0] == ["R", "X"]
    assert walk(client, "/v1/releases?limit=9&type=Single")[0] == ["a/b c"]
    since = "updated_since=2026-01-06T00:00:00Z"
    assert walk(client, f"/v1/releases?limit=1&{since}")[0] == ["a/b c", "X"]
    late = "updated_since=2027-01-06T00:00:00Z"
    assert walk(client, f"/v1/releases?limit=1&{late}")[0] == []


def test_no_change_is_missed_whatever_is_written_between_pages(database: str) -> None:
    prepare(database)
    with (
        psycopg.connect(database, autocommit=True) as connection,
        serving(application(Serving(database, is_open=True))) as client,
    ):
        rows = [
            {"id": f"r{n}", "event_partition": n % 3, "event_offset": n,
             "updated_at": "2026-01-01T00:00:00Z"}
            for n in range(30)
        ]  # fmt: skip
        write(connection, "release", *rows)
        path, offset, cursor = "/v1/releases?limit=4", 100, ""
        seen: list[str] = []
        page = get(client, path)
        while page["more"] or offset < 110:
            seen += [release["id"] for release in page["items"]]
            if offset < 110:  # in each partition, behind and before the cursor
                write(
                    connection,
                    "release",
                    {"id": f"new{offset}", "event_partition": offset % 3, "event_offset": offset},
                )
                offset += 1
            cursor = page["next_cursor"]
            page = get(client, f"{path}&cursor={cursor}")
        seen += [release["id"] for release in page["items"]]
        late, cursor = walk(client, f"{path}&cursor={page['next_cursor']}")
        assert sorted(seen + late) == sorted(
            [f"r{n}" for n in range(30)] + [f"new{n}" for n in range(100, 110)]
        )
        # Asked again later, the last cursor gives what has changed since, and nothing else.
        assert get(client, f"{path}&cursor={cursor}")["items"] == []
        connection.execute("UPDATE catalog.release SET event_offset = 200 WHERE id = 'r7'")
        assert [r["id"] for r in get(client, f"{path}&cursor={cursor}")["items"]] == ["r7"]


def test_offers_page_by_page(client: httpx.Client) -> None:
    for path, owner in (("/v1/releases/R", None), ("/v1/tracks/T1", "track")):
        whole = get(client, path)
        shown = (whole if owner is None else whole[owner])["availability"]["offers"]
        found: list[Any] = []
        cursor = None
        while cursor is not None or not found:
            more = f"&cursor={cursor}" if cursor else ""
            page = get(client, f"{path}/offers?limit=1{more}")
            found += page["items"]
            cursor = page["next_cursor"]
        assert len(found) > 1
        assert found == sorted(shown, key=lambda offer: offer["id"])
        get(client, f"{path}/offers?limit=1&country=DE&cursor={page['next_cursor'] or 'x'}", 400)
    get(client, "/v1/releases/nowhere/offers", 404)


def test_numbers_that_were_given_out_twice(client: httpx.Client) -> None:
    (isrc,) = get(client, "/v1/identifiers/conflicts")["items"]
    assert (isrc["value"], isrc["conflicts"]) == ("USSKG1912346", ["titles", "lengths"])
    assert [owner["id"] for owner in isrc["owners"]] == ["C2", "C3"]
    (gtin,) = get(client, "/v1/identifiers/conflicts?scheme=gtin")["items"]
    assert (gtin["value"], gtin["conflicts"]) == ("00094631432057", ["licensors"])


def test_a_row_is_explained_as_far_as_it_knows(client: httpx.Client) -> None:
    found = get(client, "/v1/explain/release/R")
    assert found["written_by"] == {
        "event_id": "e", "topic": "catalog.release", "partition": 1, "offset": 5,
    }  # fmt: skip
    assert found["row"]["title"] == "First Light"
    assert (found["events"], found["complete"]) == ([], False)
    assert "event log" in found["note"]
    get(client, "/v1/explain/album/R", status=400)


def test_an_event_log_that_is_away_leaves_what_the_row_knows(read_dsn: str) -> None:
    asked: list[WrittenBy | None] = []

    def history(told: Explanation, _limits: SearchLimits) -> Explanation:
        asked.append(told.written_by)
        raise RuntimeError("secret broker name")

    with serving(application(Serving(read_dsn, is_open=True), history)) as client:
        answer = client.get("/v1/explain/download/d1")
    assert asked == [WrittenBy("e", "catalog.download", 0, 0)]
    assert answer.status_code == 200
    assert "secret" not in answer.text
    assert "does not answer" in answer.json()["note"]

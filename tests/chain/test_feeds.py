"""The real feeds through the whole chain, against what the CSV files themselves say."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.chain.conftest import Note
from tests.chain.processes import Chain

pytestmark = [pytest.mark.integration, pytest.mark.corpus]

Row = dict[str, str]


@dataclass(frozen=True)
class Feeds:
    """What the feeds say in the end: last words on each id, and what the increments touched."""

    joined: list[Row]
    full: dict[str, dict[str, Row]]
    """Subject → id → row of the full feed."""
    now: dict[str, dict[str, Row]]
    """Subject → id → last row, without what is gone."""
    gone: dict[str, dict[str, Row]]
    touched: dict[str, set[str]]


@pytest.fixture(scope="module")
def feeds(corpus: Path) -> Feeds:
    full: dict[str, dict[str, Row]] = {}
    now: dict[str, dict[str, Row]] = {}
    gone: dict[str, dict[str, Row]] = {}
    touched: dict[str, set[str]] = {}
    for subject in ("release", "track"):
        key = f"{subject}Id"
        folder = corpus / "feeds"
        full[subject] = {r[key]: r for r in _read(folder / f"1000-line-{subject}-full-feed.csv")}
        last = {r[key]: r for r in _read(folder / f"1000-line-{subject}-updt-feed.csv")}
        touched[subject] = set(last)
        gone[subject] = {own: row for own, row in last.items() if row["action"] == "D"}
        merged = {**full[subject], **last}
        now[subject] = {own: row for own, row in merged.items() if own not in gone[subject]}
    joined = [
        row for row in _read(corpus / "isrc_barcode_joined.csv") if row["source"] == "7digital-feed"
    ]
    return Feeds(joined, full, now, gone, touched)


def _read(file: Path) -> Iterator[Row]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        yield from csv.DictReader(stream)


@pytest.fixture(scope="module")
def ingested(prepared: Chain, corpus: Path) -> dict[str, Any]:
    """Summary of the ingestion; taken in once for all tests here."""
    out = prepared.catalog("ingest", str(corpus / "feeds"), "--json")
    summary: dict[str, Any] = json.loads(out)
    return summary


@pytest.fixture
def idle(chain: Chain, ingested: dict[str, Any], note: Note) -> Chain:
    """The chain after all of it has arrived: within a minute, as `catalog status` says."""
    note("seconds until idle", round(chain.idle(60), 1))
    status = json.loads(chain.catalog("status", "--json"))
    assert status["state"] == "idle"
    return chain


def test_every_joined_row_is_found_both_ways(idle: Chain, feeds: Feeds, note: Note) -> None:
    tracks_of = defaultdict(list)
    for own, track in feeds.now["track"].items():
        tracks_of[track["isrc"].upper()].append((own, track["releaseId"]))
    asked: list[tuple[Row, list[tuple[str, str]]]] = []
    for row in feeds.joined:
        meant = [
            (track, release)
            for track, release in tracks_of[row["isrc"]]
            if feeds.now["release"].get(release, {}).get("barcode", "").zfill(14) == row["gtin14"]
        ]
        if meant:
            asked.append((row, meant))
    note("joined rows of the feeds", len(feeds.joined))
    note("of these still so after the incremental feeds", len(asked))
    excused = {row["isrc"] for row in feeds.joined} - {row["isrc"] for row, _ in asked}
    assert excused <= _touched(feeds)
    missing: list[object] = []
    by_isrc = idle.look_up("isrc", [row["isrc_raw"] for row, _ in asked])
    for (row, meant), answer in zip(asked, by_isrc, strict=True):
        found = {
            (m["id"], m["track"]["release_id"]) for m in answer["matches"] if m["owner"] == "track"
        }
        if not set(meant) <= found:
            missing.append((row["isrc"], meant, found))
    forms = [
        (form, {release for _, release in meant})
        for row, meant in asked
        for form in _forms(row["gtin14"])
    ]
    by_barcode = idle.look_up("upc", [form for form, _ in forms])
    for (form, releases), answer in zip(forms, by_barcode, strict=True):
        found_releases = {m["id"] for m in answer["matches"] if m["owner"] == "release"}
        if not releases <= found_releases:
            missing.append((form, sorted(releases), found_releases))
    note("barcodes looked up in 12, 13 and 14 digits", len(forms))
    assert not missing


def _touched(feeds: Feeds) -> set[str]:
    """ISRCs that the incremental feeds may have changed: of a track, or of a release's tracks."""
    return {
        track["isrc"].upper()
        for own, track in feeds.full["track"].items()
        if own in feeds.touched["track"] or track["releaseId"] in feeds.touched["release"]
    }


def _forms(gtin: str) -> Iterator[str]:
    yield gtin
    if gtin.startswith("0"):
        yield gtin[1:]
    if gtin.startswith("00"):
        yield gtin[2:]


def test_what_the_increments_removed_is_found_no_more(idle: Chain, feeds: Feeds) -> None:
    tracks = [row for row in feeds.gone["track"].values() if row["isrc"]]
    releases = [row for row in feeds.gone["release"].values() if row["barcode"]]
    assert tracks  # the corpus removes no release
    for row, answer in zip(
        tracks, idle.look_up("isrc", [row["isrc"] for row in tracks]), strict=True
    ):
        assert row["trackId"] not in {m["id"] for m in answer["matches"]}
    for row, answer in zip(
        releases, idle.look_up("upc", [row["barcode"] for row in releases]), strict=True
    ):
        assert row["releaseId"] not in {m["id"] for m in answer["matches"]}


def test_every_living_track_is_found_by_its_isrc(idle: Chain, feeds: Feeds) -> None:
    """Also those whose release is in no feed, and those whose ISRC is written in lower case."""
    tracks = [row for row in feeds.now["track"].values() if row["isrc"].strip()]
    missing: list[object] = []
    for row, answer in zip(
        tracks, idle.look_up("isrc", [row["isrc"] for row in tracks]), strict=True
    ):
        found = {m["id"]: m["track"] for m in answer["matches"] if m["owner"] == "track"}
        match = found.get(row["trackId"])
        if match is None or (match["title"], match["display_artist"], match["release_id"]) != (
            row["title"].strip(),
            row["artistAppearsAs"].strip() or None,
            row["releaseId"],
        ):
            missing.append((row, match))
    assert not missing


def test_every_living_release_is_found_by_its_barcode(idle: Chain, feeds: Feeds) -> None:
    releases = [row for row in feeds.now["release"].values() if row["barcode"].strip()]
    missing: list[object] = []
    for row, answer in zip(
        releases, idle.look_up("upc", [row["barcode"] for row in releases]), strict=True
    ):
        found = {m["id"]: m["release"] for m in answer["matches"] if m["owner"] == "release"}
        match = found.get(row["releaseId"])
        if match is None or (match["title"], match["display_artist"]) != (
            row["title"].strip(),
            row["artistAppearsAs"].strip() or None,
        ):
            missing.append((row, match))
    assert releases
    assert not missing


def test_read_rows_hold_the_last_values(idle: Chain, feeds: Feeds) -> None:
    with psycopg.connect(idle.endpoints.read_dsn) as connection:
        tracks = _table(
            connection,
            "SELECT id, title, version_title, release_id, artist_id, display_artist,"
            " track_number, disc_number, duration_ms, url, popularity FROM catalog.track",
        )
        releases = _table(
            connection,
            "SELECT id, title, version_title, artist_id, display_artist, release_year,"
            " track_count, duration_ms, array_to_string(tags, ','), image_url, url, licensor_id,"
            " label_id FROM catalog.release",
        )
        prices = {
            ("track", track) if track else ("release", release): {
                float(price["amount"]) for price in offered if "amount" in price
            }
            for track, release, offered in connection.execute(
                "SELECT track_id, release_id, prices FROM catalog.download_offer"
                " WHERE prices IS NOT NULL"
            )
        }
    wrong: list[object] = []
    for own, row in feeds.now["track"].items():
        expected = (
            *(_text(row[c]) for c in ("title", "version", "releaseId", "artistId")),
            _text(row["artistAppearsAs"]),
            *(_number(row[c]) for c in ("trackNumber", "discNumber")),
            _number(row["duration"], 1000),
            _text(row["url"]),
            float(row["popularity"]) if row["popularity"] else None,
        )
        if tracks.get(own) != expected:
            wrong.append((own, expected, tracks.get(own)))
        if row["price"] and float(row["price"]) not in prices.get(("track", own), ()):
            wrong.append((own, row["price"], prices.get(("track", own))))
    for own, row in feeds.now["release"].items():
        expected = (
            *(_text(row[c]) for c in ("title", "version", "artistId", "artistAppearsAs")),
            *(_number(row[c]) for c in ("year", "trackCount")),
            _number(row["duration"], 1000),
            _text(",".join(dict.fromkeys(t.strip() for t in row["tags"].split(",") if t.strip()))),
            *(_text(row[c]) for c in ("image", "url", "licensorId", "labelId")),
        )
        if releases.get(own) != expected:
            wrong.append((own, expected, releases.get(own)))
        if row["price"] and float(row["price"]) not in prices.get(("release", own), ()):
            wrong.append((own, row["price"], prices.get(("release", own))))
    assert not wrong


def test_taking_the_feeds_in_again_makes_no_event(idle: Chain, corpus: Path) -> None:
    before = _ends(idle)
    idle.catalog("ingest", str(corpus / "feeds"), "--json")
    idle.idle(60)
    assert _ends(idle) == before


def _ends(chain: Chain) -> dict[str, int]:
    status = json.loads(chain.catalog("status", "--json"))
    return {f"{t['stage']} {t['topic']}": t["end"] for t in status["topics"]}


def _table(connection: psycopg.Connection, statement: str) -> dict[str, tuple[Any, ...]]:
    rows: Iterable[tuple[Any, ...]] = connection.execute(statement.encode())
    return {row[0]: tuple(None if cell == "" else cell for cell in row[1:]) for row in rows}


def _text(value: str) -> str | None:
    return value.strip() or None


def _number(value: str, times: int = 1) -> int | None:
    return int(value) * times if value.strip() else None

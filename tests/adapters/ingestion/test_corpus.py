"""Real feeds and messages: what is taken in, counted independently of how it is taken in."""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest
from lxml import etree
from psycopg.rows import dict_row

from tests.adapters.ingestion.master import Master

pytestmark = [pytest.mark.integration, pytest.mark.corpus]

MESSAGES = {
    "official43/1_Audio.xml": 128,
    "official43/3_MixedMedia.xml": 252,
    "official43/4_SimpleAudioSingle.xml": 1494,
    "official42/Variant_BoxedSet.xml": 717,
    "dedex/015_ern411.xml": 214,
    "dedex/001_audioalbum_complete.xml": 0,
    "dedex/016_utf8_artists.xml": 39,
    "dedex/1199119911991.xml": 90,
    "audius/01_delivery.xml": 2,
}
"""Message → its deals, one for each commercial model × use type of each release."""


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def table(master: Master, name: str) -> dict[str, dict[str, Any]]:
    with psycopg.connect(master.dsn, row_factory=dict_row) as connection:
        return {row["id"]: row for row in connection.execute(f"SELECT * FROM {name}")}


def last_words(corpus: Path, subject: str) -> dict[str, dict[str, str] | None]:
    """Each id's last row over the full and the incremental feed; None where it was removed."""
    feeds = corpus / "feeds"
    words: dict[str, dict[str, str] | None] = {}
    for kind in ("full", "updt"):
        for row in rows_of(feeds / f"1000-line-{subject}-{kind}-feed.csv"):
            words[row[f"{subject}Id"]] = None if row.get("action") == "D" else row
    return words


def test_feeds_say_their_last_words(master: Master, corpus: Path) -> None:
    summary = master.ingest(corpus / "feeds")
    assert summary.quarantined == 0
    releases, tracks, recordings = (table(master, t) for t in ("release", "track", "recording"))
    said_releases, said_tracks = last_words(corpus, "release"), last_words(corpus, "track")
    assert set(releases) == {i for i, row in said_releases.items() if row}
    assert set(tracks) == set(recordings) == {i for i, row in said_tracks.items() if row}
    assert "147894" not in tracks  # an I and a D in one feed
    for own_id, row in said_releases.items():
        assert row is not None
        assert releases[own_id]["title"] == row["title"].strip()
        assert releases[own_id]["duration_ms"] == int(row["duration"]) * 1000
    for own_id, row in said_tracks.items():
        if row:
            assert (tracks[own_id]["title"], tracks[own_id]["release_id"]) == (
                row["title"].strip(), row["releaseId"],
            )  # fmt: skip
            assert tracks[own_id]["disc_number"] == int(row["discNumber"])
    prices = {
        d["track_id"] or d["release_id"]: d["prices"][0]["amount"]
        for d in table(master, "deal").values()
        if d["prices"]
    }
    said = {i: r for words in (said_releases, said_tracks) for i, r in words.items() if r}
    assert all(prices.get(i, "") == row["price"] for i, row in said.items())
    streamed = {d["track_id"] for d in table(master, "deal").values() if d["use_type"] == "Stream"}
    assert streamed == {i for i, r in said_tracks.items() if r and r["streamingReleaseDate"]}


def test_feeds_again_change_nothing(master: Master, corpus: Path) -> None:
    feeds = sorted((corpus / "feeds").glob("*full*.csv"))
    master.ingest(*feeds)
    assert master.ingest(*feeds).changed == {}


def test_each_isrc_and_barcode_of_the_full_feed_is_held(master: Master, corpus: Path) -> None:
    master.ingest(corpus / "feeds")
    numbers = {(i["owner_id"], i["value"]) for i in table(master, "identifier").values()}
    owners = {n for n, _ in numbers}
    found = {(i["scheme"], i["value"]) for i in table(master, "identifier").values()}
    joined = [r for r in rows_of(corpus / "isrc_barcode_joined.csv") if r["source"].startswith("7")]
    assert joined
    assert owners
    for row in joined:
        assert ("isrc", row["isrc"]) in found
        assert ("gtin", row["gtin14"]) in found


def local(name: str) -> str:
    return f"*[local-name()='{name}']"


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_taken_in_whole(master: Master, corpus: Path, name: str) -> None:
    path = corpus / "ern" / name
    [report] = master.ingest(path).files
    assert report.status == "applied"
    root = etree.parse(path).getroot()

    def number(xpath: str) -> int:
        return len(root.xpath(xpath))

    releases = (
        f"//{local('ReleaseList')}/*[self::{local('Release')} or self::{local('TrackRelease')}]"
    )
    resources = f"//{local('ResourceList')}"
    recordings = number(f"{resources}/{local('SoundRecording')}|{resources}/{local('Video')}")
    schemes = Counter(i["scheme"] for i in table(master, "identifier").values())
    isrcs = {i["value_raw"] for i in table(master, "identifier").values() if i["scheme"] == "isrc"}
    assert len(table(master, "release")) == number(releases)
    assert len(table(master, "recording")) == len(table(master, "track")) == recordings
    assert isrcs == {(e.text or "") for e in root.xpath(f"{resources}//{local('ISRC')}")}
    for scheme, element in (("gtin", "ICPN"), ("grid", "GRid")):
        assert schemes[scheme] == number(f"{releases}/{local('ReleaseId')}/{local(element)}")
    deals = table(master, "deal").values()
    assert len(deals) == MESSAGES[name]
    territories = root.xpath(f"//{local('DealTerms')}/{local('TerritoryCode')}")
    assert {t for d in deals for t in d["territories"] or []} == {e.text for e in territories}
    codes = root.xpath(f"//{local('DealTerms')}//{local('PriceCode')}")
    assert {p["code"] for d in deals for p in d["prices"] or []} == {e.text for e in codes}
    assert master.ingest(path).changed == {}


def test_747_deals_in_249_territories(master: Master, corpus: Path) -> None:
    master.ingest(corpus / "ern/official43/4_SimpleAudioSingle.xml")
    deals = table(master, "deal").values()
    assert len({d["territories"][0] for d in deals}) == 249
    assert Counter(d["commercial_model"] for d in deals) == {
        "SubscriptionModel": 3 * 249, "AdvertisementSupportedModel": 2 * 249,
        "PayAsYouGoModel": 249,
    }  # fmt: skip


def test_a_release_lives(master: Master, corpus: Path) -> None:
    life = corpus / "ern" / "audius"
    titles = []
    for name in ("01_delivery", "02_update", "03_delete", "04_no_deal"):
        master.ingest(life / f"{name}.xml")
        titles.append([t["title"] for t in table(master, "track").values()])
    assert titles == [["Example Song"], ["Updated Example Song"], [], ["Updated Example Song"]]
    assert {d["local_to"] for d in table(master, "deal").values()} == {"2023-10-03T00:00:00"}


def test_test_messages_change_nothing(master: Master, corpus: Path) -> None:
    for report in master.ingest(corpus / "ern" / "openaudio_381").files:
        assert (report.status, report.changed) == ("test", {})
    assert not any(master.catalog().values())


def test_everything_is_told(master: Master, corpus: Path) -> None:
    summary = master.ingest(corpus / "ern")
    told = {Path(f.path).name: f.status for f in summary.files}
    assert len(told) == len(list((corpus / "ern").rglob("*.xml")))
    assert [n for n, status in told.items() if status == "quarantined"] == ["002_erroneous_xml.xml"]
    before = master.catalog(written=True)
    assert master.ingest(corpus / "ern").changed == {}
    assert master.catalog(written=True) == before

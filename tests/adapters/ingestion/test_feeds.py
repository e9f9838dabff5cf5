"""Feeds in the master catalog: every column, the last word on each id, and no needless change."""

import io
import os
import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ingestion import sources
from adapters.ingestion.feeds import ingest as feed
from adapters.ingestion.feeds.columns import Terms
from adapters.ingestion.ingest import Options, ingest
from adapters.ingestion.report import FileReport, NoWatch
from tests.adapters.ingestion.feeds import A_RELEASE, A_TRACK, RELEASE, TRACK, text, write
from tests.adapters.ingestion.master import SLOW, Master
from tests.adapters.ingestion.messages import album
from tests.connections import opening

pytestmark = pytest.mark.integration


def changed(row: dict[str, str], **values: str) -> dict[str, str]:
    return {**row, **values}


@pytest.fixture
def feeds(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder of feeds: name → rows, or text."""

    def make(**files: list[dict[str, str]] | str) -> Path:
        for name, rows in files.items():
            path = tmp_path / f"{name}.csv"
            if isinstance(rows, str):
                path.write_text(rows, encoding="utf-8")
            else:
                write(path, TRACK if "trackId" in rows[0] else RELEASE, rows)
        return tmp_path

    return make


def test_every_column_lands(master: Master, feeds: Callable[..., Path]) -> None:
    master.ingest(feeds(b=[A_RELEASE], a=[A_TRACK]), options=Options(Terms(currency="EUR")))
    found = master.catalog()
    assert found["release"] == {"1": {
        "id": "1", "licensor_id": "5", "label_id": "7", "artist_id": "3", "release_type": "Album",
        "title": "Album", "version_title": None, "display_artist": "Ada Quill",
        "release_year": 2024, "original_release_date": date(2024, 2, 3),
        "added_at": datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        "parental_warning": "NotExplicit", "pline": None, "cline": None, "duration_ms": 400_000,
        "track_count": 2, "tags": ["pop", "rock"], "image_url": "http://img.example/1",
        "url": "http://music.example/1", "status": "active",
    }}  # fmt: skip
    assert found["track"] == {"11": {
        "id": "11", "release_id": "1", "recording_id": "11", "artist_id": "3", "disc_number": 1,
        "track_number": 2, "title": "Song", "version_title": "Live",
        "display_artist": "Ada Quill feat. Nobody", "kind": "Audio", "duration_ms": 200_000,
        "parental_warning": "Explicit", "popularity": 0.5, "url": "http://music.example/11",
    }}  # fmt: skip
    assert found["recording"]["11"]["kind"] == "sound"
    assert found["licensor"]["5"]["party_id"] in found["party"]
    assert found["label"]["7"] == {
        "id": "7", "licensor_id": "5", "party_id": None, "name": "Small Hours",
    }  # fmt: skip
    assert found["artist"]["3"]["display_name"] == "Ada Quill"
    assert set(found["format"]) == {"release/1/17", "release/1/33", "track/11/17"}
    assert found["format"]["track/11/17"]["namespace"] == "7digital"
    numbers = {(i["owner_type"], i["value"]) for i in found["identifier"].values()}
    assert numbers == {("release", "00299000009001"), ("recording", "GBLF92690001")}
    deals = {
        (d["track_id"], d["use_type"]): (d["valid_from"], d["prices"], d["territories"])
        for d in found["deal"].values()
    }
    day, currency = datetime(2024, 2, 3, tzinfo=UTC), {"currency": "EUR"}
    assert deals == {
        (None, "PermanentDownload"): (
            day,
            [{"amount": "7.99", "kind": "retail"} | currency,
             {"amount": "9.99", "kind": "suggested_retail"} | currency],
            ["Worldwide"],
        ),
        ("11", "PermanentDownload"): (
            None, [{"amount": "0.99", "kind": "retail"} | currency], ["Worldwide"],
        ),
        ("11", "Stream"): (day, None, ["Worldwide"]),
    }  # fmt: skip


def test_the_same_again_changes_nothing(master: Master, feeds: Callable[..., Path]) -> None:
    folder = feeds(r=[A_RELEASE], t=[A_TRACK])
    assert master.ingest(folder).changed
    before = master.catalog(written=True)
    for options in (Options(), Options(again=True)):
        summary = ingest(opening(master.dsn), [str(folder)], options)
        assert summary.changed == {}
        assert {f.status for f in summary.files} == {"applied" if options.again else "known"}
    assert master.catalog(written=True) == before


def test_only_what_differs_is_written(master: Master, feeds: Callable[..., Path]) -> None:
    folder = feeds(r=[A_RELEASE, changed(A_RELEASE, releaseId="2")], t=[A_TRACK])
    master.ingest(folder)
    update = feeds(u=[{"action": "U", **changed(A_RELEASE, price="8.99")}]) / "u.csv"
    assert master.ingest(update).changed == {"deal updated": 1}


def test_full_feeds_before_changes_and_releases_before_tracks(
    master: Master, feeds: Callable[..., Path]
) -> None:
    folder = feeds(
        a=[{"action": "D", **A_TRACK}], b=[{"action": "U", **changed(A_RELEASE, title="New")}],
        c=[A_TRACK], d=[A_RELEASE],
    )  # fmt: skip
    kinds = [f.kind for f in master.ingest(folder).files]
    assert kinds == [
        "feed-release-full", "feed-track-full", "feed-release-incremental",
        "feed-track-incremental",
    ]  # fmt: skip
    assert master.catalog()["release"]["1"]["title"] == "New"
    assert not master.catalog()["track"]


def test_removal_takes_all_that_hangs_on_it(master: Master, feeds: Callable[..., Path]) -> None:
    bad = changed(A_TRACK, duration="x", trackId="12")
    master.ingest(feeds(r=[A_RELEASE], t=[A_TRACK, bad]))
    gone = [{"action": "D", **A_TRACK}, {"action": "D", **bad}]
    master.ingest(feeds(u=gone, v=[{"action": "D", **A_RELEASE}]) / "u.csv")
    left = {table: set(rows) for table, rows in master.catalog().items() if rows}
    assert left["release"] == {"1"}
    assert left["format"] == {"release/1/17", "release/1/33"}
    assert not {"track", "recording", "flaw"} & set(left)
    master.ingest(feeds() / "v.csv")
    assert {t for t, rows in master.catalog().items() if rows} == {
        "party", "licensor", "label", "artist",
    }  # fmt: skip


def test_an_artist_that_appears_under_many_names_keeps_one(
    master: Master, feeds: Callable[..., Path]
) -> None:
    rows = [changed(A_TRACK, trackId=str(n), artistAppearsAs=f"Name {n}") for n in range(5)]
    folder = feeds(r=[A_RELEASE], t=rows)
    master.ingest(folder)
    before = master.catalog(written=True)
    assert before["artist"]["3"]["display_name"] == "Ada Quill"
    assert before["track"]["4"]["display_artist"] == "Name 4"
    master.ingest(folder)
    assert master.catalog(written=True) == before


def test_a_label_takes_its_new_name(master: Master, feeds: Callable[..., Path]) -> None:
    master.ingest(feeds(r=[A_RELEASE]))
    renamed = [changed(A_RELEASE, labelName=name) for name in ("Between", "Late Hours")]
    summary = master.ingest(feeds(r=renamed))
    assert summary.changed == {"label updated": 1}
    assert master.catalog()["label"]["7"]["name"] == "Late Hours"


def test_a_full_feed_adds(master: Master, feeds: Callable[..., Path]) -> None:
    master.ingest(feeds(r=[A_RELEASE]))
    master.ingest(feeds(r=[changed(A_RELEASE, releaseId="2")]))
    assert set(master.catalog()["release"]) == {"1", "2"}


def test_validation_errors_are_kept_with_their_rows(
    master: Master, feeds: Callable[..., Path]
) -> None:
    folder = feeds(
        r=[changed(A_RELEASE, barcode="299000009002", duration="long", price="cheap")],
        t=[changed(A_TRACK, isrc="", trackNumber="-1", streamingReleaseDate="soon")],
    )
    summary = master.ingest(folder)
    assert [f.flagged for f in summary.files] == [3, 3]
    assert summary.quarantined == 0
    found = master.catalog()
    assert found["identifier"]["release/1/gtin/1"]["flaw"]
    assert {(f["owner_id"], f["field"]) for f in found["flaw"].values()} == {
        ("1", "duration"), ("1", "price"), ("11", "isrc"), ("11", "tracknumber"),
        ("11", "streamingreleasedate"),
    }  # fmt: skip
    assert found["track"]["11"]["track_number"] is None
    master.ingest(feeds(r=[A_RELEASE], t=[A_TRACK]))
    assert not master.catalog()["flaw"]


def test_rows_that_are_none_are_quarantined_by_line(
    master: Master, feeds: Callable[..., Path]
) -> None:
    header, good = text(TRACK, [{"action": "I", **A_TRACK}]).splitlines()
    lines = [header, "I,12,too short", good, good.replace("I,11,", "I,,"), "X" + good[1:]]
    folder = feeds(t="\r\n".join(lines))
    for _ in range(2):
        [report] = master.ingest(folder).files
        assert [(r.line, r.reason) for r in report.rejected] == [
            (2, "3 columns instead of 20"), (4, "no track id"),
            (5, "action 'X' is none of I, U and D"),
        ]  # fmt: skip
        assert master.one("SELECT count(*) FROM quarantine") == 3
    assert master.one("SELECT content FROM quarantine WHERE line = 2") == b"I,12,too short\r\n"
    assert set(master.catalog()["track"]) == {"11"}
    [known] = ingest(opening(master.dsn), [str(folder)]).files
    assert (known.status, known.quarantined) == ("known", 3)
    feeds(t="\n".join([header, good]))
    assert master.ingest(folder).quarantined == 0


def _incompressible(length: int) -> str:
    """A text that no index takes: a repeated one would be compressed below the limit."""
    chance = random.Random(7)  # noqa: S311 - no secret
    return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))


def test_what_the_catalog_cannot_hold_is_quarantined_alone(
    master: Master, feeds: Callable[..., Path]
) -> None:
    far = _incompressible(9_000)
    rows = [changed(A_TRACK, trackId=str(number)) for number in range(1, 40)]
    folder = feeds(
        a=[*rows[:7], changed(A_TRACK, trackId=far), *rows[7:]],
        b=[changed(A_TRACK, trackId="after", releaseId=far), changed(A_TRACK, trackId="50")],
    )
    for _ in range(2):
        first, second = master.ingest(folder).files
        assert [r.line for r in (*first.rejected, *second.rejected)] == [9, 2]
        assert (first.status, first.rows, second.status) == ("applied", 40, "applied")
        for rejected in (*first.rejected, *second.rejected):
            assert "can't hold it: ProgramLimitExceeded" in rejected.reason
        assert master.one("SELECT count(*) FROM quarantine") == 2
        assert set(master.catalog()["track"]) == {*map(str, range(1, 40)), "50"}
    content = master.one("SELECT content FROM quarantine WHERE line = 9")
    assert far.encode() in content


def test_a_file_that_nothing_can_be_made_of_holds_up_no_other(
    master: Master, feeds: Callable[..., Path]
) -> None:
    far = _incompressible(9_000)
    folder = feeds(t=[A_TRACK])
    odd = folder / os.fsdecode(b"a\xff.xml")
    odd.write_bytes(album(number=far))
    (folder / "b.csv").write_bytes(b"a\xff\0")
    by_name = {Path(file.path).name: file for file in master.ingest(folder).files}
    assert {name: file.status for name, file in by_name.items()} == {
        "t.csv": "applied", odd.name: "quarantined", "b.csv": "quarantined",
    }  # fmt: skip
    assert "ProgramLimitExceeded" in by_name[odd.name].rejected[0].reason
    assert master.one("SELECT count(*) FROM quarantine") == 2
    assert set(master.catalog()["track"]) == {"11"}


def test_another_source_has_its_own_ids(master: Master, feeds: Callable[..., Path]) -> None:
    folder = feeds(r=[A_RELEASE], t=[A_TRACK])
    master.ingest(folder)
    master.ingest(folder, options=Options(Terms(source="shop", territories=("DE", "AT"))))
    found = master.catalog()
    assert set(found["release"]) == {"1", "shop:1"}
    assert found["track"]["shop:11"]["release_id"] == "shop:1"
    assert found["licensor"]["shop:5"]["party_id"] == "shop:licensor:5"
    shop = found["deal"]["track/shop:11/SubscriptionModel/Stream/1"]
    assert shop["territories"] == ["DE", "AT"]


def test_standard_input(master: Master) -> None:
    content = io.BytesIO(b"\xef\xbb\xbf" + text(TRACK, [A_TRACK]).encode())
    summary = ingest(opening(master.dsn), ["-"], standard_input=content)
    assert [(f.path, f.kind) for f in summary.files] == [("-", "feed-track-full")]
    assert set(master.catalog()["track"]) == {"11"}


def test_what_is_no_feed_is_told(master: Master, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("hello")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    summary = master.ingest(tmp_path)
    assert {(Path(f.path).name, f.status) for f in summary.files} == {
        ("notes.md", "skipped"), ("other.csv", "quarantined"),
    }  # fmt: skip
    assert master.one("SELECT content FROM quarantine") == b"a,b\n1,2\n"


ROWS = st.lists(
    st.tuples(st.sampled_from("IUD"), st.integers(1, 4), st.sampled_from(["x", "y", ""])),
    min_size=1,
    max_size=12,
)


@settings(SLOW)
@given(history=ROWS, chunk_rows=st.integers(1, 5))
def test_the_last_word_counts_however_a_feed_is_cut(
    master: Master, tmp_path: Path, history: list[tuple[str, int, str]], chunk_rows: int
) -> None:
    master.clear()
    path = write(
        tmp_path / "t.csv",
        TRACK,
        [
            {"action": action, **changed(A_TRACK, trackId=str(own_id), title=title, price=price)}
            for action, own_id, title in history
            for price in ["0.99" if title else ""]
        ],
    )
    last: dict[str, tuple[str, str]] = {}
    for action, own_id, title in history:
        last[str(own_id)] = (action, title)
    wanted = {i: title or None for i, (action, title) in last.items() if action != "D"}
    snapshots: list[Any] = []
    for _ in range(2):
        _ingest_in_chunks(master, path, chunk_rows)
        snapshots.append(master.catalog())
    assert snapshots[0] == snapshots[1]
    found = snapshots[0]
    assert {i: t["title"] for i, t in found["track"].items()} == wanted
    assert set(found["recording"]) == set(wanted)
    sold = {d["track_id"] for d in found["deal"].values() if d["use_type"] == "PermanentDownload"}
    assert sold == {i for i, title in wanted.items() if title}


def _ingest_in_chunks(master: Master, path: Path, chunk_rows: int) -> None:
    source = sources.recognise(path, str(path))
    assert source.layout is not None
    with psycopg.connect(master.dsn, autocommit=True) as connection:
        feed.ingest(
            connection, source, source.layout, Terms(), FileReport("", ""), NoWatch(), chunk_rows
        )

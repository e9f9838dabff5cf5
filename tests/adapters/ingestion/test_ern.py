"""ERN messages in the master catalog: the newest message wins, in whatever order they came."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ingestion.ingest import Options
from adapters.ingestion.withdrawal import taken_in, withdraw
from tests.adapters.ingestion.master import SLOW, Master
from tests.adapters.ingestion.messages import (
    SENDER,
    STREAM,
    album,
    deal,
    envelope,
    purge,
    single_38,
)

pytestmark = pytest.mark.integration

OWN = f"{SENDER}:00299000009001"
PRICED = STREAM + (
    '<PriceInformation><WholesalePricePerUnit CurrencyCode="EUR">{}'
    "</WholesalePricePerUnit></PriceInformation>"
)
Take = Callable[[bytes], Any]


@pytest.fixture
def take(master: Master, tmp_path: Path) -> Take:
    """Takes a message in; its report."""
    numbers = count()

    def one(content: bytes) -> Any:
        path = tmp_path / f"{next(numbers)}.xml"
        path.write_bytes(content)
        [report] = master.ingest(path).files
        return report

    return one


def test_the_same_again_changes_nothing(master: Master, take: Take) -> None:
    assert take(album()).changed
    before = master.catalog(written=True)
    report = take(album())
    assert (report.status, report.changed) == ("applied", {})
    assert master.catalog(written=True) == before


def test_what_was_taken_in_before_is_known(master: Master, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(album())
    for status in ("applied", "known"):
        [report] = master.ingest(tmp_path, options=Options()).files
        assert (report.kind, report.status) == ("ern-new-release", status)


def test_the_newer_message_replaces_all(master: Master, take: Take) -> None:
    take(album())
    report = take(album("2026-01-02T00:00:00Z", isrcs=("GBLF92690002",), title="New"))
    assert report.changed["release deleted"] == 1
    found = master.catalog()
    assert set(found["release"]) == {OWN, f"{OWN}/299000009001-1"}
    assert found["release"][OWN]["title"] == "New"
    assert {i["value"] for i in found["identifier"].values() if i["scheme"] == "isrc"} == {
        "GBLF92690002"
    }
    assert master.one("SELECT status FROM ern_message ORDER BY created_at LIMIT 1") == "superseded"


def test_the_older_message_changes_nothing(master: Master, take: Take) -> None:
    take(album("2026-01-02T00:00:00Z", title="New"))
    before = master.catalog(written=True)
    report = take(album(title="Old"))
    assert (report.status, report.changed) == ("superseded", {})
    assert master.catalog(written=True) == before


def test_another_price_is_a_change_of_the_same_deal(master: Master, take: Take) -> None:
    two = deal(PRICED.format("1.00"), "R0") + deal(STREAM.replace("Worldwide", "DE"), "R0")
    take(album(deals=two))
    report = take(album("2026-01-02T00:00:00Z", deals=two.replace("1.00", "2.00")))
    assert report.changed == {"deal updated": 1}


def test_a_release_without_deals_stays(master: Master, take: Take) -> None:
    take(album())
    report = take(album("2026-01-02T00:00:00Z", deals=" "))
    assert report.changed == {"deal deleted": 3}
    assert master.catalog()["release"][OWN]["status"] == "active"


def test_a_takedown_marks_the_release(master: Master, take: Take) -> None:
    take(single_38(STREAM))
    take(single_38(STREAM + "<TakeDown>true</TakeDown>", "2026-01-02T00:00:00Z"))
    release = master.catalog()["release"][f"{SENDER}:00299000009018"]
    assert release["status"] == "taken_down"


@pytest.mark.parametrize(
    "numbers", ["<ICPN>299000009001</ICPN>", "<GRid>A1LF900TRACK000017</GRid>"]
)
def test_a_purge_leaves_nothing_and_lets_nothing_older_in(
    master: Master, take: Take, numbers: str
) -> None:
    ids = "<ICPN>299000009001</ICPN><GRid>A1LF900TRACK000017</GRid>"
    take(album(release_ids=ids))
    assert take(purge("2026-01-03T00:00:00Z", numbers)).changed
    gone = ("release", "track", "recording", "deal", "format", "contributor", "flaw")
    assert not any(master.catalog()[table] for table in gone)
    assert not master.one("SELECT count(*) FROM identifier WHERE owner_type <> 'party'")
    assert take(album("2026-01-02T00:00:00Z", release_ids=ids)).status == "superseded"
    assert take(album("2026-01-04T00:00:00Z", release_ids=ids)).status == "applied"
    assert OWN in master.catalog()["release"]


def test_a_purge_of_a_track_release_leaves_its_album(master: Master, take: Take) -> None:
    take(album())
    number = f'<ProprietaryId Namespace="{SENDER}">299000009001-1</ProprietaryId>'
    take(purge("2026-01-03T00:00:00Z", number))
    assert set(master.catalog()["release"]) == {OWN, f"{OWN}/299000009001-2"}
    assert len(master.catalog()["track"]) == 2


TRACK_1 = f'<ProprietaryId Namespace="{SENDER}">299000009001-1</ProprietaryId>'
TRACK_2 = f'<ProprietaryId Namespace="{SENDER}">299000009001-2</ProprietaryId>'
FIRST, SECOND = "<ISRC>GBLF92690001</ISRC>", "<ISRC>GBLF92590001</ISRC>"


def test_a_purge_of_a_track_release_holds_when_its_album_comes_later(
    master: Master, take: Take
) -> None:
    take(purge("2026-01-03T00:00:00Z", TRACK_1))
    assert take(album("2026-01-02T00:00:00Z")).status == "applied"
    rows = master.catalog()
    assert set(rows["release"]) == {OWN, f"{OWN}/299000009001-2"}
    assert len(rows["track"]) == len(rows["recording"]) == 2
    assert {d["release_id"] for d in rows["deal"].values()} == set(rows["release"])
    assert take(album("2026-01-04T00:00:00Z")).status == "applied"
    assert len(master.catalog()["release"]) == 3
    assert take(purge("2026-01-03T12:00:00Z", TRACK_1)).status == "superseded"
    assert len(master.catalog()["release"]) == 3


def test_a_purge_by_isrc_reaches_the_track_release_of_an_album(master: Master, take: Take) -> None:
    take(single_38(STREAM))
    single = f"{SENDER}:00299000009018"
    assert set(master.catalog()["release"]) == {single, f"{single}/GBLF92590001"}
    take(single_38(STREAM, "2026-01-02T00:00:00Z").replace(SECOND.encode(), FIRST.encode()))
    take(purge("2026-01-03T00:00:00Z", f"{FIRST}{TRACK_2}"))  # what is best of them counts
    assert set(master.catalog()["release"]) == {single, f"{single}/GBLF92690001"}


def test_what_only_a_purged_track_release_held_goes_with_it(master: Master, take: Take) -> None:
    bonus = album(isrcs=("GBLF92690001", "GBLF92690002")).replace(
        b"""<ResourceGroupContentItem><SequenceNumber>2</SequenceNumber>
        <ReleaseResourceReference>A2</ReleaseResourceReference></ResourceGroupContentItem>""",
        b"",
    )
    take(bonus)
    assert len(master.catalog()["track"]) == 2
    take(purge("2026-01-03T00:00:00Z", TRACK_2))
    rows = master.catalog()
    assert len(rows["track"]) == len(rows["recording"]) == 1
    assert "GBLF92690002" not in {i["value"] for i in rows["identifier"].values()}


def test_what_is_unusable_waits_with_its_bytes(master: Master, take: Take) -> None:
    report = take(b"<broken>")
    assert report.status == "quarantined"
    assert take(b"<broken>").quarantined == 1
    assert master.one("SELECT content FROM quarantine") == b"<broken>"
    assert "not well-formed" in master.one("SELECT reason FROM quarantine")


def test_a_greater_message_than_allowed_waits(master: Master, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(album())
    summary = master.ingest(tmp_path, options=Options(most_message_bytes=100))
    assert summary.quarantined == 1
    assert master.ingest(tmp_path).quarantined == 0
    assert master.one("SELECT count(*) FROM quarantine") == 0


MESSAGES = [
    album("2026-01-01T00:00:00Z", title="First"),
    album("2026-01-02T00:00:00Z", title="Second", isrcs=("GBLF92690002",), artist="I. Brandt"),
    album("2026-01-02T00:00:00Z", title="Of the same instant", isrcs=()),
    album("2026-01-03T00:00:00Z", title="Other", upc="299000009018", artist="Isolde  BRANDT"),
    purge("2026-01-04T00:00:00Z"),
    album("2026-01-05T00:00:00Z", title="Again", isrcs=("GBLF92690003",)),
    single_38(STREAM, "2025-12-31T00:00:00Z"),
    purge("2026-01-02T12:00:00Z", "<ICPN>299000009018</ICPN>"),
]


@settings(SLOW)
@given(st.permutations(MESSAGES), st.integers(1, len(MESSAGES)))
def test_messages_end_in_the_same_state_in_any_order(
    master: Master, take: Take, order: list[bytes], some: int
) -> None:
    chosen = order[:some]
    ends = []
    for arrival in (chosen, [m for m in MESSAGES if m in chosen], chosen + chosen):
        master.clear()
        for content in arrival:
            take(content)
        ends.append(master.catalog())
    assert ends[0] == ends[1]
    assert ends[0] == ends[2]


GRID = "<GRid>A1LF900TRACK000017</GRid>"
UPC = "<ICPN>299000009001</ICPN>"
OWN_ID = f'<ProprietaryId Namespace="{SENDER}">REL1</ProprietaryId>'
CHANGING = [
    album("2026-01-01T00:00:00Z", title="First", release_ids=GRID),
    album("2026-01-02T00:00:00Z", title="With barcode", release_ids=GRID + UPC),
    album("2026-01-03T00:00:00Z", title="Barcode only", release_ids=UPC, isrcs=("GBLF92690001",)),
    album("2026-01-04T00:00:00Z", title="Renumbered", release_ids=UPC + OWN_ID),
    purge("2026-01-05T00:00:00Z", GRID),
    album("2026-01-06T00:00:00Z", title="Again", release_ids=OWN_ID),
    album("2026-01-03T12:00:00Z", title="Other", release_ids="<ICPN>299000009018</ICPN>"),
]
"""One release under changing numbers, its purge and its return; and another."""


def told(master: Master) -> list[Any]:
    """What the catalog says, whatever ids the releases have."""
    rows = master.catalog()
    return sorted(
        (
            str(release["title"]),
            sorted(
                str(i["value"])
                for i in rows["identifier"].values()
                if i["owner_id"] == name and i["owner_type"] == "release"
            ),
            sum(t["release_id"] == name for t in rows["track"].values()),
            sum(d["release_id"] == name for d in rows["deal"].values()),
        )
        for name, release in rows["release"].items()
    )


@settings(SLOW)
@given(st.permutations(CHANGING))
def test_changing_numbers_end_in_the_same_catalog_in_any_order(
    master: Master, take: Take, order: list[bytes]
) -> None:
    ends = []
    for arrival in (order, CHANGING):
        master.clear()
        for content in arrival:
            take(content)
        ends.append(told(master))
    assert ends[0] == ends[1]


def update(
    created: str, ids: str, title: str | None = None, *, tracks: tuple[str, ...] = (),
    deals: str = "", number: str = "u",
) -> bytes:  # fmt: skip
    """A message without resources, as some feeds send them; `tracks` by their own numbers."""
    told = f"<DisplayTitle><TitleText>{title}</TitleText></DisplayTitle>" if title else ""
    track_releases = "".join(
        f"<TrackRelease><ReleaseReference>R{n}</ReleaseReference><ReleaseId>"
        f'<ProprietaryId Namespace="{SENDER}">{track}</ProprietaryId></ReleaseId></TrackRelease>'
        for n, track in enumerate(tracks, 1)
    )
    return envelope(
        f"""<ReleaseList><Release><ReleaseReference>R0</ReleaseReference>
        <ReleaseId>{ids}</ReleaseId>{told}</Release>{track_releases}</ReleaseList>
        <DealList>{deals}</DealList>""",
        created,
        number=number,
    )


TAKEDOWN = "<TerritoryCode>Worldwide</TerritoryCode><TakeDown>true</TakeDown>"
RENTED = STREAM.replace("SubscriptionModel", "RentalModel")


def test_a_full_message_that_comes_after_an_update_tells_the_tracks(
    master: Master, take: Take
) -> None:
    take(update("2026-01-05T00:00:00Z", UPC, "Renamed", deals=deal(TAKEDOWN, "R0")))
    assert not master.catalog()["track"]
    report = take(album("2026-01-02T00:00:00Z"))
    assert report.status == "applied"
    assert "has been updated since by" in report.notes[0]
    rows = master.catalog()
    assert len(rows["track"]) == len(rows["recording"]) == 2
    [main] = (row for row in rows["release"].values() if row["title"] == "Renamed")
    assert (main["status"], main["track_count"]) == ("taken_down", 2)
    assert take(album("2026-01-01T00:00:00Z")).status == "superseded"
    assert master.catalog() == rows


def test_a_withdrawn_update_gives_way_to_what_was_said_before(master: Master, take: Take) -> None:
    take(album("2026-01-02T00:00:00Z"))
    before = master.catalog()
    take(update("2026-01-05T00:00:00Z", UPC, "Renamed", deals=deal(TAKEDOWN, "R0")))
    with psycopg.connect(master.dsn, autocommit=True) as connection:
        [newest] = [m for m in taken_in(connection, "applied", 10) if m.sender_message_id == "u"]
        withdraw(connection, newest.id)
    assert master.catalog() == before
    take(update("2026-01-06T00:00:00Z", UPC, "Renamed"))
    with psycopg.connect(master.dsn, autocommit=True) as connection:
        [first] = [m for m in taken_in(connection, None, 10) if m.sender_message_id == "1"]
        withdraw(connection, first.id)
    rows = master.catalog()
    assert not rows["track"]
    assert [row["title"] for row in rows["release"].values()] == ["Renamed"]


@pytest.mark.parametrize("created", ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"])
def test_an_update_to_a_release_of_which_no_message_is_kept_says_what_to_do(
    master: Master, take: Take, created: str
) -> None:
    take(album("2026-01-02T00:00:00Z"))
    with psycopg.connect(master.dsn) as connection:  # as before migration master_0004
        connection.execute("TRUNCATE release_part")
        connection.execute("UPDATE ern_message SET content = NULL")
    before = master.catalog()
    newer = update("2026-01-05T00:00:00Z", UPC, "Renamed", deals=deal(TAKEDOWN, "R0"))
    report = take(newer)
    assert report.status == "quarantined"
    assert "send that release whole again" in report.rejected[0].reason
    assert master.catalog() == before
    assert take(album(created)).status == "applied"
    assert take(newer).status == "applied"
    rows = master.catalog()
    assert "Renamed" in {row["title"] for row in rows["release"].values()}
    assert len(rows["track"]) == 2
    assert master.one("SELECT count(*) FROM quarantine") == 0


def test_only_messages_that_count_are_kept(master: Master, take: Take) -> None:
    kept = (
        "SELECT string_agg(created_at::date::text, ',' ORDER BY created_at) FROM ern_message"
        " WHERE content IS NOT NULL"
    )
    take(album("2026-01-01T00:00:00Z"))
    take(album("2026-01-02T00:00:00Z", number="2"))
    take(update("2026-01-03T00:00:00Z", UPC, number="3"))
    assert master.one(kept) == "2026-01-02,2026-01-03"
    take(album("2026-01-04T00:00:00Z", number="4"))
    assert master.one(kept) == "2026-01-04"
    take(purge("2026-01-05T00:00:00Z"))
    assert master.one(kept) is None


UPDATES = [
    album("2026-01-01T00:00:00Z", title="First", release_ids=GRID + UPC),
    update("2026-01-02T00:00:00Z", UPC, deals=deal(TAKEDOWN, "R0"), number="a"),
    album("2026-01-03T00:00:00Z", title="Second", release_ids=UPC, isrcs=("GBLF92690001",)),
    update(
        "2026-01-04T00:00:00Z", UPC + OWN_ID, "Renamed", tracks=("299000009001-1",),
        deals=deal(RENTED, "R1"), number="b",
    ),
    update("2026-01-05T00:00:00Z", OWN_ID, deals=deal(STREAM, "R0"), number="c"),
    purge("2026-01-06T00:00:00Z", UPC),
    update("2026-01-07T00:00:00Z", UPC, "Back", deals=deal(RENTED, "R0"), number="d"),
    album("2026-01-06T12:00:00Z", title="After the purge", release_ids=UPC + OWN_ID),
    update("2026-01-03T12:00:00Z", "<ICPN>299000009018</ICPN>", "Other", number="e"),
    album("2026-01-02T12:00:00Z", title="Another", upc="299000009018"),
]  # fmt: skip
"""Deliveries, updates that leave resources out, takedowns and a purge, under changing numbers."""


OTHER = album("2026-01-02T12:00:00Z", title="Compilation", upc="299000009025").replace(
    b"299000009025-1", b"299000009001-1"
)
TRACKS_GO = [
    album("2026-01-01T00:00:00Z", title="First", number="1"),
    purge("2026-01-02T00:00:00Z", TRACK_1),
    album("2026-01-03T00:00:00Z", title="Second", release_ids=UPC + OWN_ID, number="2"),
    purge("2026-01-04T00:00:00Z", TRACK_1),
    update(
        "2026-01-05T00:00:00Z", UPC, tracks=("299000009001-1", "299000009001-2"),
        deals=deal(RENTED, "R1", "R2"), number="a",
    ),
    purge("2026-01-06T00:00:00Z", TRACK_2),
    purge("2026-01-07T00:00:00Z", UPC),
    album("2026-01-06T12:00:00Z", title="Third", isrcs=("GBLF92690002",), number="3"),
    single_38(STREAM, "2026-01-02T00:00:00Z"),
    purge("2026-01-03T00:00:00Z", SECOND),
    update(
        "2026-01-08T00:00:00Z", UPC, "Back", tracks=("299000009001-2",),
        deals=deal(RENTED, "R0", "R1"), number="b",
    ),
    OTHER,
]  # fmt: skip
"""Purges of track releases, by their own numbers and by ISRC, among all that tells of them."""


def told_of_tracks(master: Master) -> list[Any]:
    """The same, and each release's numbers of tracks, so that track releases count."""
    rows = master.catalog()
    kept = sorted(str(d["id"]) for d in rows["deal"].values())
    return [told(master), kept, sorted(rows["recording"]), len(rows["flaw"])]


@settings(SLOW, max_examples=40)
@given(st.permutations(TRACKS_GO), st.integers(2, len(TRACKS_GO)))
def test_purges_of_track_releases_end_in_the_same_catalog_in_any_order(
    master: Master, take: Take, order: list[bytes], some: int
) -> None:
    chosen = order[:some]
    ends = []
    for arrival in (chosen, [m for m in TRACKS_GO if m in chosen], [*chosen, *chosen]):
        master.clear()
        for content in arrival:
            assert take(content).status != "quarantined"
        ends.append(told_of_tracks(master))
    assert ends[0] == ends[1]
    assert ends[0] == ends[2]


@settings(SLOW)
@given(st.permutations(UPDATES), st.integers(1, len(UPDATES)))
def test_updates_end_in_the_same_catalog_in_any_order(
    master: Master, take: Take, order: list[bytes], some: int
) -> None:
    chosen = order[:some]
    ends = []
    for arrival in (chosen, [m for m in UPDATES if m in chosen], [*chosen, *chosen]):
        master.clear()
        for content in arrival:
            take(content)
        ends.append(told(master))
    assert ends[0] == ends[1]
    assert ends[0] == ends[2]

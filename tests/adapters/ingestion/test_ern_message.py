"""ERN messages as statements: what is read, and what is refused, with the reason."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ingestion.ern.document import parse
from adapters.ingestion.ern.message import Message, read
from adapters.ingestion.ern.reading import day, instant, milliseconds
from adapters.ingestion.ern.rows import Row, Rows
from adapters.ingestion.ern.times import CLOSED
from domain.failures import Unusable
from tests.adapters.ingestion.messages import (
    SENDER,
    STREAM,
    album,
    deal,
    envelope,
    purge,
    single_38,
)

LIMIT = 1 << 20


def told(content: bytes) -> Message:
    return read(content, LIMIT)


def rows(content: bytes) -> Rows:
    [statement] = told(content).statements
    return statement.rows


def one(found: Rows, table: str, **wanted: object) -> Row:
    [row] = [r for r in found.of(table) if wanted.items() <= r.items()]
    return row


BOMB = b"""<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "xxxxxxxxxx">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">
<!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;"><!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;">]>
<b a="&g;">&g;</b>"""
STRANGER = b"""<!DOCTYPE b [<!ENTITY x SYSTEM "file:///etc/passwd">]><b>&x;</b>"""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<a><b></a>", "not well-formed XML"),
        (b"", "not well-formed XML"),
        (b"<html/>", "the root element is html"),
        (BOMB, "entit|DOCTYPE|amplification"),
        (STRANGER, "DOCTYPE"),
        (b"<a>" * 300 + b"</a>" * 300, "not well-formed XML"),
        (album(sender=None), "no sender"),
        (album("yesterday"), "MessageCreatedDateTime 'yesterday'"),
        (album(release_ids=""), "release R0 has no id"),
        (album(release_ids="<ICPN> </ICPN>"), "release R0 has no id"),
        (envelope("<ReleaseList/>"), "it has no release"),
        (album(deals=deal(STREAM, "R9")), "a deal refers to release R9"),
        (album(extra="<ResourceGroupContentItem><ReleaseResourceReference>A7"
                     "</ReleaseResourceReference></ResourceGroupContentItem>"),
         "release R0 refers to A7"),
        (envelope("<PurgedRelease/>", root="PurgeReleaseMessage"), "no release id"),
        (album(title="x" * LIMIT), "the limit is"),
    ],
)  # fmt: skip
def test_refused(content: bytes, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        told(content)


def test_what_is_small_as_a_file_and_huge_in_memory_is_broken_off() -> None:
    few = b"<a>" + b"<b c=''/>" * 10 + b"</a>"
    assert len(parse(few, LIMIT, most_nodes=21)) == 10
    with pytest.raises(Unusable, match="more than 20 elements and attributes"):
        parse(few, LIMIT, most_nodes=20)
    tag = b"<a " + b" ".join(b"a%d=''" % n for n in range(400_000)) + b"/>"
    with pytest.raises(Unusable, match="one tag or text"):
        parse(tag, len(tag))
    utf_16 = "<?xml version='1.0' encoding='utf-16'?><a><b/><b/></a>".encode("utf-16")
    with pytest.raises(Unusable, match="more than 2 elements"):
        parse(utf_16, LIMIT, most_nodes=2)


def test_an_album_with_track_releases() -> None:
    found = rows(album())
    own = f"{SENDER}:00299000009001"
    release = one(found, "release", id=own)
    assert (release["title"], release["track_count"], release["release_type"]) == (
        "Album", 2, "Album",
    )  # fmt: skip
    track_release = one(found, "release", id=f"{own}/299000009001-1")
    assert (track_release["title"], track_release["duration_ms"]) == ("Album 1", 180_000)
    track = one(found, "track", track_number=2)
    assert track["id"] == track["recording_id"] == f"{own}/GBLF92690002"
    isrc = one(found, "identifier", value="GBLF92690002")
    assert (isrc["owner_type"], isrc["owner_id"]) == ("recording", track["recording_id"])
    assert one(found, "deal", release_id=f"{own}/299000009001-2")["track_id"] == track["id"]
    assert one(found, "deal", release_id=own)["track_id"] is None


def test_a_3_8_single_speaks_by_its_worldwide_details() -> None:
    message = told(single_38(STREAM.replace("<UseType>", "<Usage><UseType>")
                             .replace("</UseType>", "</UseType></Usage>")))  # fmt: skip
    [statement] = message.statements
    assert message.header.version == "ern/382"
    recording = one(statement.rows, "recording", kind="sound")
    assert (recording["title"], recording["version_title"], recording["display_artist"]) == (
        "Tram", "Live", "Dvořák Street",
    )  # fmt: skip
    assert one(statement.rows, "deal")["use_type"] == "OnDemandStream"
    assert {i["owner_type"] for i in statement.rows.of("identifier") if i["scheme"] == "isrc"} == {
        "recording"
    }


def test_only_takedowns_take_a_release_down() -> None:
    assert one(rows(single_38(STREAM)), "release", release_type="Single")["status"] == "active"
    taken = rows(single_38(STREAM + "<TakeDown>true</TakeDown>"))
    assert one(taken, "release", release_type="Single")["status"] == "taken_down"
    assert one(taken, "deal")["is_takedown"] is True


def test_a_track_releases_isrc_stands_on_its_recording() -> None:
    silent = single_38(STREAM).replace(
        b"<SoundRecordingId><ISRC>GBLF92590001</ISRC></SoundRecordingId>", b""
    )
    found = rows(silent)
    assert one(found, "identifier", scheme="isrc")["owner_type"] == "recording"
    assert one(found, "flaw")["rule"] == "is missing"


def test_a_deal_is_told_whole() -> None:
    terms = """<ExcludedTerritoryCode>RU</ExcludedTerritoryCode>
      <ExcludedTerritoryCode>BY</ExcludedTerritoryCode>
      <ValidityPeriod><StartDate>2026-02-01</StartDate><EndDate>2026-02-28</EndDate>
      </ValidityPeriod><CommercialModelType>PayAsYouGoModel</CommercialModelType>
      <CommercialModelType UserDefinedValue="Gift">UserDefined</CommercialModelType>
      <UseType>PermanentDownload</UseType><IsPreOrderDeal>true</IsPreOrderDeal>
      <PriceInformation><PriceCode Namespace="N">A1</PriceCode></PriceInformation>
      <PriceInformation><WholesalePricePerUnit CurrencyCode="EUR">4.90</WholesalePricePerUnit>
      </PriceInformation>"""
    found = rows(album(deals=deal(terms, "R0")))
    assert {d["commercial_model"] for d in found.of("deal")} == {"PayAsYouGoModel", "Gift"}
    told_deal = one(found, "deal", commercial_model="Gift")
    assert told_deal["territories"] is None
    assert told_deal["excluded_territories"] == ["RU", "BY"]
    assert told_deal["local_from"] == "2026-02-01T00:00:00"
    assert told_deal["local_to"] == "2026-03-01T00:00:00"  # an end date is included
    # From when it is so in American Samoa until it is no more in New Zealand.
    assert told_deal["valid_from"] == datetime(2026, 2, 1, 11, tzinfo=UTC)
    assert told_deal["valid_to"] == datetime(2026, 2, 28, 11, tzinfo=UTC)
    assert told_deal["is_preorder"] is True
    assert told_deal["prices"] == [
        {"code": "A1", "namespace": "N"},
        {"amount": "4.90", "currency": "EUR", "kind": "wholesale"},
    ]


def test_what_cant_be_read_is_flagged_and_the_rest_told() -> None:
    terms = STREAM.replace("2026-01-01", "soon") + (
        "<PriceInformation><WholesalePricePerUnit>free</WholesalePricePerUnit></PriceInformation>"
    )
    found = rows(album(deals=deal(terms, "R0"), isrcs=("bad",)).replace(b"PT3M", b"3:00"))
    assert {f["value_raw"] for f in found.of("flaw")} == {"soon", "free", "3:00"}
    assert one(found, "identifier", value_raw="bad")["is_valid"] is False
    closed = one(found, "deal")
    assert (closed["valid_from"], closed["valid_to"]) == (None, CLOSED)


def test_discs_are_the_groups_within_the_outermost() -> None:
    disc = (
        "<ResourceGroup><SequenceNumber>{}</SequenceNumber><ResourceGroupContentItem>"
        "<SequenceNumber>1</SequenceNumber><ReleaseResourceReference>{}"
        "</ReleaseResourceReference></ResourceGroupContentItem></ResourceGroup>"
    )
    content = album(extra=disc.format(1, "A1") + disc.format(2, "A2"))
    placed = {(t["disc_number"], t["track_number"]) for t in rows(content).of("track")}
    assert placed >= {(1, 1), (2, 1)}


def test_same_recording_twice_is_two_tracks() -> None:
    again = (
        "<ResourceGroupContentItem><SequenceNumber>3</SequenceNumber>"
        "<ReleaseResourceReference>A1</ReleaseResourceReference></ResourceGroupContentItem>"
    )
    found = rows(album(extra=again))
    assert len(found.of("track")) == 3
    assert len(found.of("recording")) == 2


def test_a_party_of_a_dpid_is_the_same_everywhere() -> None:
    content = album().replace(
        b"</PartyReference>", f"</PartyReference><PartyId><DPID>{SENDER}</DPID></PartyId>".encode()
    )
    parties = told(content).parties
    assert [p["id"] for p in parties.of("party")] == [SENDER]
    assert one(parties, "identifier")["scheme"] == "dpid"


def test_a_purge_names_its_releases() -> None:
    message = told(purge("2026-01-02T00:00:00Z", "<GRid>A1</GRid><ICPN>299000009001</ICPN>"))
    assert [[i.scheme for i in ids] for ids in message.purged] == [["grid", "gtin"]]


@given(st.integers(0, 20), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59_999))
def test_durations(days: int, hours: int, minutes: int, ms: int) -> None:
    written = f"P{days}DT{hours}H{minutes}M{ms / 1000:.3f}S"
    assert milliseconds(written) == ((days * 24 + hours) * 60 + minutes) * 60_000 + ms


@pytest.mark.parametrize("written", ["P", "PT", "3:45", "", "PT3X", "P9999999D"])
def test_what_is_no_duration(written: str) -> None:
    assert milliseconds(written) is None


def test_dates() -> None:
    assert instant("2018-01-23T15:48:00.1234567+01:00") == datetime(
        2018, 1, 23, 14, 48, 0, 123456, tzinfo=UTC
    )
    assert instant("2018-01-23") == datetime(2018, 1, 23, tzinfo=UTC)
    assert day("2018") is None
    assert day("2018-02-30") is None
    assert day("2018-02-03T00:00:00Z") == date(2018, 2, 3)


def test_deals_for_different_channels_stay_apart_with_their_channels() -> None:
    name = "<PartyName><FullName>{}</FullName></PartyName>"
    shop, radio = name.format("Shop"), name.format("Radio")
    both = deal(STREAM + f"<DistributionChannel>{shop}</DistributionChannel>", "R0")
    both += deal(
        STREAM + f"<ExcludedDistributionChannel>{radio}</ExcludedDistributionChannel>", "R0"
    )
    found = rows(album(isrcs=(), deals=both))
    assert [row["channels"] for row in found.of("deal")] == [["Shop"], ["-Radio"]]


def test_each_visibility_gives_its_dates_to_its_own_territories() -> None:
    shown = "".join(
        f"""<ReleaseVisibility><VisibilityReference>V{n}</VisibilityReference>
        <TerritoryCode>{place}</TerritoryCode>
        <ReleaseDisplayStartDateTime>2026-01-0{n}T00:00:00Z</ReleaseDisplayStartDateTime>
        <TrackListingPreviewStartDateTime>2026-01-0{n}T12:00:00Z</TrackListingPreviewStartDateTime>
        </ReleaseVisibility>"""
        for n, place in enumerate(("DE", "FR"), 1)
    )
    content = album(isrcs=(), deals=deal(STREAM, "R0") + shown).replace(
        b"<ReleaseType>",
        b"<ReleaseVisibilityReference>V1</ReleaseVisibilityReference>"
        b"<ReleaseVisibilityReference>V2</ReleaseVisibilityReference><ReleaseType>",
    )
    found = {
        (str(row["territories"]), str(row["excluded_territories"])): (
            row["display_from"],
            row["preview_from"],
        )
        for row in rows(content).of("deal")
    }
    first, second = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    noon = timedelta(hours=12)
    assert found == {
        ("['DE']", "None"): (first, first + noon),
        ("['FR']", "None"): (second, second + noon),
        ("['Worldwide']", "['DE', 'FR']"): (None, None),
    }

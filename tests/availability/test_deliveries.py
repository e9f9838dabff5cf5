"""Each line of `tests/cases/ern/README.md`: deliveries in order of arrival, and what they make."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.ingestion.withdrawal import message, taken_in, withdraw
from domain.failures import Refused
from projections.catalog.queries.conflicts import conflict_page
from tests.adapters.ingestion.master import Master
from tests.adapters.ingestion.messages import album
from tests.availability.asking import Asker

pytestmark = pytest.mark.integration
CASES = Path(__file__).parent.parent / "cases" / "ern"
Make = Callable[[list[Path]], Asker]
SENDER = "PADPIDA2040000001N"


def cases(*names: str) -> list[Path]:
    return [CASES / f"{name}.xml" for name in names]


def owners(asker: Asker, scheme: str, value: str, kind: str = "release") -> list[dict[str, Any]]:
    return [m for m in asker.look_up(scheme, value, country="DE") if m["owner"] == kind]


def mains(master: Master) -> list[str]:
    """Titles of the releases that hold tracks."""
    rows = master.catalog()
    holding = {track["release_id"] for track in rows["track"].values()}
    return sorted(rows["release"][name]["title"] for name in holding)


@pytest.mark.parametrize(
    ("folder", "numbers", "title"),
    [
        ("grid_then_icpn", [("grid", "A1UCASE0000000777Q"), ("icpn", "06025372000018")], "New"),
        ("prop_then_icpn", [("proprietary", "REL77"), ("icpn", "06025372000025")], "New"),
        ("icpn_dropped", [("proprietary", "REL99")], "Upd"),
        ("sender_forms", [("icpn", "06025372000209")], "Upd"),
    ],
)
def test_a_release_whose_numbers_change_is_one(
    make_asker: Make, folder: str, numbers: list[tuple[str, str]], title: str
) -> None:
    for order in (("1", "2"), ("2", "1")):
        asker = make_asker(cases(*(f"b/{folder}/{n}" for n in order)))
        assert mains(asker.master) == [title]
        for scheme, value in numbers:
            assert [m["release"]["title"] for m in owners(asker, scheme, value)] == [title]


def test_a_dropped_barcode_still_reaches_its_release(make_asker: Make, tmp_path: Path) -> None:
    purge = (CASES / "b/purge_single_by_isrc/2.xml").read_text(encoding="utf-8")
    purge = purge.replace("<ISRC>QZTUP2401001</ISRC>", "<ICPN>06025372000230</ICPN>")
    (tmp_path / "3.xml").write_text(purge.replace("2024-01-02", "2024-01-03"), encoding="utf-8")
    messages = [*cases("b/icpn_dropped/1", "b/icpn_dropped/2"), tmp_path / "3.xml"]
    assert mains(make_asker(messages).master) == []


@pytest.mark.parametrize(
    "folder", ["purge_single_by_isrc", "purge_by_prop", "track_gone", "old_takedown_late"]
)
def test_purges_and_orders(make_asker: Make, folder: str) -> None:
    asker = make_asker(cases(f"b/{folder}/1", f"b/{folder}/2"))
    rows = asker.master.catalog()
    if folder.startswith("purge"):
        assert not rows["release"]
        assert not rows["deal"]
    elif folder == "track_gone":
        assert len(rows["track"]) == 1
    else:
        assert [r["status"] for r in rows["release"].values()].count("taken_down") == 0


def test_a_purge_that_names_a_shared_catalogue_number_and_a_barcode_purges_one(
    make_asker: Make,
) -> None:
    asker = make_asker(cases(*(f"b/purge_catno/{n}" for n in "123")))
    assert not owners(asker, "icpn", "06025372000124")
    assert len(owners(asker, "icpn", "06025372888883")) == 1


def test_a_test_message_changes_nothing(make_asker: Make) -> None:
    alone = make_asker(cases("b/test_after_live/1")).master
    before = alone.catalog(written=True)
    [report] = alone.ingest(*cases("b/test_after_live/2")).files
    assert (report.status, report.changed) == ("test", {})
    assert alone.catalog(written=True) == before
    assert alone.one("SELECT count(*) FROM ern_message WHERE status = 'test'") == 1


def test_one_sender_whatever_stands_beside_its_dpid(make_asker: Make) -> None:
    asker = make_asker(cases("e/1/two_partyids", "e/2/two_partyids"))
    assert len(mains(asker.master)) == 1
    assert list(asker.master.catalog()["licensor"]) == [SENDER]
    assert owners(asker, "dpid", "PA-DPIDA-2040000001-N", "party") or owners(
        asker, "dpid", SENDER, "party"
    )


def test_a_message_from_the_future_locks_nobody_out(make_asker: Make) -> None:
    asker = make_asker(cases("e/1/future", "e/2/future"))
    reason = asker.master.one("SELECT reason FROM quarantine")
    assert "more than a day ahead" in reason
    assert len(mains(asker.master)) == 1


@pytest.mark.parametrize("kind", ["na", "zeros"])
def test_a_placeholder_barcode_is_no_identity(make_asker: Make, kind: str) -> None:
    asker = make_asker(cases(f"g/ph_{kind}_1", f"g/ph_{kind}_2"))
    ids = {owners(asker, "proprietary", f"PH{kind}{number}")[0]["id"] for number in (1, 2)}
    assert len(ids) == 2
    errors = [
        i["flaw"] for i in asker.master.catalog()["identifier"].values() if i["scheme"] == "gtin"
    ]
    assert errors == ["it is a placeholder, no number"] * 2


def test_a_placeholder_isni_is_no_identity(make_asker: Make) -> None:
    asker = make_asker(cases("g/artist_1", "g/artist_2"))
    assert len({a["display_name"] for a in asker.master.catalog()["artist"].values()}) == 2


def test_who_it_is_sent_on_behalf_of_is_the_licensor(make_asker: Make) -> None:
    asker = make_asker(cases("a/behalf"))
    rows = asker.master.catalog()
    assert {r["licensor_id"] for r in rows["release"].values()} == {"PADPIDA2012031302R"}
    assert {"PADPIDA2012031302R", "PADPIDA2040000001X"} <= set(rows["party"])
    assert owners(asker, "dpid", "PADPIDA2012031302R", "party")


def test_4_x_works_defaults_and_display_dates(make_asker: Make) -> None:
    asker = make_asker(cases("c/e4"))
    assert owners(asker, "iswc", "T0345246801", "track")
    [match] = owners(asker, "icpn", "06025374000252")
    assert match["release"]["title"] == "Song"
    shown = {}
    for country in ("JP", "US", "DE"):
        [found] = asker.look_up("icpn", "06025374000252", country=country)
        [offer] = found["availability"]["offers"]
        shown[country] = offer["display_from"]
    assert shown["JP"].startswith("2024-01-09T15:00")
    assert shown["US"].startswith("2024-01-20T05:00")
    assert shown["DE"] is None


def test_a_second_resource_of_one_reference_is_kept(make_asker: Make) -> None:
    asker = make_asker(cases("c/dup_resource_ref"))
    for isrc in ("QZTCC2401801", "QZTCC2401802"):
        assert asker.look_up("isrc", isrc)
    assert "used twice" in asker.master.one("SELECT verdict FROM ern_message")


@pytest.mark.parametrize(
    ("case", "isrcs"),
    [
        ("d/1_main_isrc_two", ("QZT4D2401201", "QZT4D2401202", "QZT4D2499901")),
        ("d/1_two_isrc_one_resource", ("QZT4D2401301", "QZT4D2499908", "QZT4D2499909")),
    ],
)
def test_every_isrc_is_found(make_asker: Make, case: str, isrcs: tuple[str, ...]) -> None:
    asker = make_asker(cases(case))
    assert all(asker.look_up("isrc", isrc) for isrc in isrcs)


def _delivery(tmp_path: Path, icpn: str, isrcs: tuple[str, str]) -> Path:
    """What was delivered before: an album with two tracks and their track releases."""
    text = (CASES / "a/album_takedown_track_stays.xml").read_text(encoding="utf-8")
    text = text[: text.index("<DealList>")]
    text += "<DealList>" + "".join(_SOLD.format(reference) for reference in ("R0", "R1"))
    text += "</DealList></ern:NewReleaseMessage>"
    for old, new in (
        ("06025371000309", icpn),
        ("QZTST2403001", isrcs[0]),
        ("QZTST2403002", isrcs[1]),
        ("PADPIDA2040000001X", SENDER),
    ):
        text = text.replace(old, new)
    path = tmp_path / "1.xml"
    path.write_text(text, encoding="utf-8")
    return path


_SOLD = (
    "<ReleaseDeal><DealReleaseReference>{}</DealReleaseReference><Deal><DealTerms>"
    "<CommercialModelType>PayAsYouGoModel</CommercialModelType><Usage><UseType>PermanentDownload"
    "</UseType></Usage><TerritoryCode>Worldwide</TerritoryCode><ValidityPeriod><StartDate>"
    "2020-01-01</StartDate></ValidityPeriod></DealTerms></Deal></ReleaseDeal>"
)


def test_a_takedown_without_resources_applies_and_the_tracks_stay(
    make_asker: Make, tmp_path: Path
) -> None:
    first = _delivery(tmp_path, "06025375000060", ("QZT4D2400601", "QZT4D2400602"))
    asker = make_asker([first, *cases("d/2_upd_no_resources")])
    rows = asker.master.catalog()
    assert len(rows["track"]) == len(rows["recording"]) == 2
    [album] = owners(asker, "icpn", "06025375000060")
    assert (album["release"]["title"], album["release"]["track_count"]) == ("Renamed", 2)
    assert album["availability"]["state"] == "taken_down"
    [track] = owners(asker, "isrc", "QZT4D2400601", "track")
    assert track["availability"]["state"] == "taken_down"  # its own deal is said no more


def test_deals_of_an_update_that_omits_resources_apply(make_asker: Make, tmp_path: Path) -> None:
    first = _delivery(tmp_path, "06025375000077", ("QZT4D2400701", "QZT4D2400702"))
    asker = make_asker([first, *cases("d/2_upd_omitted")])
    assert len(asker.master.catalog()["track"]) == 2
    states = {
        country: asker.look_up("icpn", "06025375000077", country=country)[0]["availability"][
            "state"
        ]
        for country in ("DE", "AT")
    }
    assert states == {"DE": "available", "AT": "unavailable"}


def test_deals_begin_with_an_effective_date_that_was_to_come(make_asker: Make) -> None:
    asker = make_asker(cases("a/effective_future"))
    rows = list(asker.master.catalog()["deal"].values())
    value = next(
        i["value_raw"]
        for i in asker.master.catalog()["identifier"].values()
        if i["scheme"] == "gtin"
    )
    assert {d["local_from"] for d in rows} == {"2099-01-01T00:00:00"}
    states = [
        asker.look_up("icpn", value, country="DE", at=at)[0]["availability"]["state"]
        for at in ("2098-12-31T22:59:59Z", "2098-12-31T23:00:00Z")
    ]
    assert states == ["upcoming", "available"]


def test_a_withdrawn_message_says_nothing_and_locks_nobody_out(make_asker: Make) -> None:
    master = make_asker(cases("b/grid_then_icpn/1", "b/grid_then_icpn/2")).master
    with psycopg.connect(master.dsn, autocommit=True) as connection:
        [newest] = taken_in(connection, "applied", 10)
        assert message(connection, newest.id).releases == newest.releases
        assert withdraw(connection, newest.id)["release deleted"]
        assert not master.catalog()["release"]
        assert message(connection, newest.id).status == "withdrawn"
        with pytest.raises(Refused):
            withdraw(connection, "none")
    master.ingest(*cases("b/grid_then_icpn/1"))
    assert mains(master) == ["Old"]


def test_contributors_and_related_releases_are_told(make_asker: Make, tmp_path: Path) -> None:
    text = (CASES / "a/plain.xml").read_text(encoding="utf-8")
    related = (
        "<RelatedRelease><ReleaseId><ICPN>06025371000026</ICPN></ReleaseId>"
        "<ReleaseRelationshipType>IsReplacementFor</ReleaseRelationshipType></RelatedRelease>"
    )
    path = tmp_path / "1.xml"
    path.write_text(text.replace("</Release>", f"{related}</Release>", 1), encoding="utf-8")
    asker = make_asker([path])
    [release] = owners(asker, "icpn", "06025371000019")
    assert release["release"]["related"] == [
        {
            "relation": "IsReplacementFor",
            "scheme": "gtin",
            "value": "06025371000026",
            "namespace": None,
        }
    ]
    [track, *_] = owners(asker, "isrc", "QZTST2400101", "track")
    assert ("Some Band", "MainArtist") in {
        (c["name"], c["role"]) for c in track["recording"]["contributors"]
    }


def test_a_release_that_another_names_is_found_by_its_number_with_the_relation(
    make_asker: Make, tmp_path: Path
) -> None:
    text = (CASES / "a/plain.xml").read_text(encoding="utf-8")
    related = (
        "<RelatedRelease><ReleaseId><ICPN>06025371000026</ICPN></ReleaseId>"
        "<ReleaseRelationshipType>IsReplacementFor</ReleaseRelationshipType></RelatedRelease>"
        "<ResourceGroup><ResourceGroup><ReleaseId><ICPN>06025371000033</ICPN></ReleaseId>"
        "</ResourceGroup></ResourceGroup>"
    )
    path = tmp_path / "1.xml"
    path.write_text(text.replace("</Release>", f"{related}</Release>", 1), encoding="utf-8")
    asker = make_asker([path])
    for value, relation in (
        ("06025371000026", "IsReplacementFor"),
        ("06025371000033", "HasReleaseComponent"),
    ):
        answer = asker.answer("icpn", value)
        assert not answer.matches()
        [one] = answer.relations()
        [named] = owners(asker, "icpn", "06025371000019")
        assert (one["relation"], one["release"]["id"]) == (relation, named["id"])
    assert asker.answer("icpn", "06025371000019").relations() == []


def test_a_work_is_found_by_a_recording_and_a_recording_by_its_work(make_asker: Make) -> None:
    asker = make_asker(cases("c/e4"))
    [track] = owners(asker, "iswc", "T0345246801", "track")
    isrcs = [i["value"] for i in track["recording"]["identifiers"] if i["scheme"] == "isrc"]
    assert isrcs == ["QZTAT2400001", "QZTCC2402501"]  # its editions
    for isrc in isrcs:
        [again] = owners(asker, "isrc", isrc, "track")
        assert again["id"] == track["id"]
        assert ("iswc", "T0345246801") in {
            (i["scheme"], i["value"]) for i in again["recording"]["identifiers"]
        }


def test_what_two_releases_claim_is_reported(make_asker: Make, tmp_path: Path) -> None:
    one = f'<ProprietaryId Namespace="{SENDER}">REL1</ProprietaryId>'
    two = "<GRid>A1UCASE0000000777Q</GRid>"
    barcode = "<ICPN>06025372000025</ICPN>"
    for number, ids in enumerate((one + barcode, two, two + barcode), 1):
        content = album(f"2026-01-0{number}T00:00:00Z", release_ids=ids, number=str(number))
        (tmp_path / f"{number}.xml").write_bytes(content)
    asker = make_asker([tmp_path / f"{n}.xml" for n in "123"])
    answer = asker.answer("icpn", "06025372000025")
    assert list(answer.conflicts) == ["releases"]
    with psycopg.connect(asker.read_dsn) as connection:
        page = conflict_page(
            lambda statement, given: connection.execute(statement, given).fetchall(),
            "gtin",
            "",
            10,
        )
    assert [(one["value"], one["conflicts"]) for one in page.found] == [
        ("06025372000025", ["releases"])
    ]
    with psycopg.connect(asker.master.dsn, autocommit=True) as connection:
        [newest] = [m for m in taken_in(connection, "applied", 9) if m.sender_message_id == "3"]
        [told] = message(connection, newest.id).conflicts
    assert "gtin 06025372000025" in told

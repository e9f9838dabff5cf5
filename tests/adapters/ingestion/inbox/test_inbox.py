"""Inboxes on a folder, on S3 and on SFTP, with real servers: once each, in order, answered."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from lxml import etree
from psycopg.rows import dict_row

from adapters.ingestion.inbox.watch import Watching
from tests.adapters.ingestion.deliveries import RECIPIENT, manifest, write_batch
from tests.adapters.ingestion.inbox.conftest import Look, Place
from tests.adapters.ingestion.master import Master
from tests.adapters.ingestion.messages import SENDER, album

pytestmark = pytest.mark.integration

FIRST, SECOND = "20260101120000123", "20260102120000123"
TWO = {"299000009001": album(), "299000009018": album(upc="299000009018", isrcs=("GBLF92690007",))}


def rows(master: Master, query: str) -> list[dict[str, Any]]:
    """What a query finds."""
    with psycopg.connect(master.dsn, row_factory=dict_row) as connection:
        return connection.execute(query).fetchall()


def answers(place: Place) -> dict[str, etree._Element]:
    """Acknowledgements by their names."""
    return {
        path.rpartition("/")[2]: etree.fromstring(content)
        for path, content in place.files().items()
        if path.startswith("acknowledgements/")
    }


def titles(master: Master) -> set[str]:
    """Of main releases."""
    releases = master.catalog()["release"]
    return {row["title"] for name, row in releases.items() if "/" not in name}


def test_a_batch_is_taken_in_answered_and_moved(
    place: Place, look: Look, master: Master, tmp_path: Path
) -> None:
    place.put(write_batch(tmp_path / FIRST, TWO))
    tally = look(place)
    assert (tally.batches, tally.refused) == (1, 0)
    assert titles(master) == {"Album"}
    left = {path.partition("/")[0] for path in place.files()}
    assert left == {"done", "acknowledgements"}
    assert f"done/{FIRST}/299000009001/299000009001.xml" in place.files()
    assert set(answers(place)) == {f"ACK_{FIRST}_{release}.xml" for release in TWO}
    root = answers(place)[f"ACK_{FIRST}_299000009001.xml"]
    assert etree.QName(root).localname == "ErnAcknowledgementStatusMessage"
    assert root.findtext("MessageHeader/MessageSender/PartyId") == RECIPIENT
    assert root.findtext("MessageHeader/MessageRecipient/PartyId") == SENDER
    assert root.findtext("ReleaseStatus/Acknowledgement/MessageId") == "M299000009001"
    assert root.findtext("ReleaseStatus/Acknowledgement/MessageStatus/Status") == "FileOK"
    assert look(place).batches == 0


def test_an_incomplete_batch_waits_and_holds_up_nobody(
    place: Place, look: Look, master: Master, tmp_path: Path
) -> None:
    place.put(write_batch(tmp_path / FIRST, {"299000009001": TWO["299000009001"]}, complete=False))
    place.put(write_batch(tmp_path / SECOND, {"299000009018": TWO["299000009018"]}))
    assert look(place).batches == 1
    (waiting,) = rows(master, "SELECT * FROM inbox_batch WHERE status = 'waiting'")
    assert waiting["path"] == FIRST
    assert "no BatchComplete_ yet" in waiting["reason"]
    place.put(write_batch(tmp_path / FIRST, {"299000009001": TWO["299000009001"]}))
    assert look(place).batches == 1
    assert len(answers(place)) == 2


def test_batches_come_in_the_order_of_their_names(
    place: Place, look: Look, master: Master, tmp_path: Path
) -> None:
    place.put(write_batch(tmp_path / f"N_{SECOND}", {"299000009001": album(title="Second")}))
    place.put(write_batch(tmp_path / f"P_{FIRST}", {"299000009001": album(title="First")}))
    look(place)
    found = rows(master, "SELECT path FROM inbox_batch ORDER BY id")
    assert [row["path"] for row in found] == [f"P_{FIRST}", f"N_{SECOND}"]


def test_what_is_refused_is_told_to_its_sender(
    place: Place, look: Look, master: Master, tmp_path: Path
) -> None:
    batch = write_batch(tmp_path / FIRST, {**TWO, "299000009025": b"<broken>"})
    (batch / "299000009018" / "299000009018.xml").unlink()
    place.put(batch)
    assert look(place).refused == 2
    told = {
        name.rpartition("_")[2]: root.findtext(".//MessageStatus/Status")
        for name, root in answers(place).items()
    }
    assert told == {
        "299000009001.xml": "FileOK",
        "299000009018.xml": "ErnMissing",
        "299000009025.xml": "NewReleaseMessageInvalid",
    }
    refused = answers(place)[f"ACK_{FIRST}_299000009025.xml"]
    assert "not well-formed" in (refused.findtext("ReleaseStatus/ErrorText") or "")
    assert refused.findtext("ReleaseStatus/ManualCheckRequired") == "true"
    assert master.one("SELECT content FROM quarantine") == b"<broken>"


def test_what_is_sent_again_is_another_delivery(
    place: Place, look: Look, master: Master, tmp_path: Path
) -> None:
    place.put(write_batch(tmp_path / FIRST, {"299000009001": b"<broken>"}))
    look(place)
    place.put(write_batch(tmp_path / FIRST, {"299000009001": TWO["299000009001"]}))
    assert look(place).refused == 0
    assert titles(master) == {"Album"}
    assert f"done/{FIRST}.2/299000009001/299000009001.xml" in place.files()
    assert f"ACK_{FIRST}.2_299000009001.xml" in answers(place)


def test_what_was_done_before_by_another_installation_is_in_nobodys_way(
    place: Place, look: Look, master: Master, tmp_path: Path
) -> None:
    place.put(write_batch(tmp_path / FIRST, TWO))
    look(place)
    with psycopg.connect(master.dsn) as connection:
        connection.execute("TRUNCATE inbox_batch, inbox_message")
    place.put(write_batch(tmp_path / FIRST, TWO))
    assert look(place).batches == 1
    left = {path.partition("/")[0] for path in place.files()}
    assert left == {"done", "acknowledgements"}
    assert rows(master, "SELECT DISTINCT status FROM inbox_message") == [{"status": "known"}]


def test_batches_that_stay_are_taken_in_once(
    place: Place, look: Look, master: Master, tmp_path: Path
) -> None:
    place.put(write_batch(tmp_path / FIRST, TWO))
    keeping = Watching(settle=0, keeps=True)
    assert [look(place, keeping).batches for _ in range(3)] == [1, 0, 0]
    assert f"{FIRST}/299000009001/299000009001.xml" in place.files()


def test_what_is_quiet_is_complete_where_that_is_wanted(
    open_place: Callable[[str], Place], look: Look, master: Master, tmp_path: Path
) -> None:
    place = open_place("folder")
    place.put(write_batch(tmp_path / FIRST, TWO, complete=False))
    (Path(place.where) / "alone.xml").write_bytes(album(upc="299000009032", title="Alone"))
    assert look(place, Watching(settle=0)).batches == 0
    assert look(place, Watching(settle=0.01, quiet=0.02)).batches == 2
    assert titles(master) == {"Album", "Alone"}
    assert (
        etree.QName(answers(place)["ACK_alone.xml_alone.xml"]).localname == "AcknowledgementMessage"
    )
    assert "done/alone.xml" in place.files()


def test_a_manifest_that_cannot_be_read_yet_is_looked_at_again(
    place: Place, look: Look, master: Master, tmp_path: Path
) -> None:
    batch = write_batch(tmp_path / FIRST, TWO)
    marker = batch / f"BatchComplete_{FIRST}.xml"
    whole = marker.read_bytes()
    marker.write_bytes(whole[:-20])
    place.put(batch)
    assert look(place).batches == 0
    assert "can't be read" in master.one("SELECT reason FROM inbox_batch")
    marker.write_bytes(whole)
    place.put(batch)
    assert look(place).batches == 1


def test_a_batch_of_tests_is_answered_and_changes_nothing(
    place: Place, look: Look, master: Master, tmp_path: Path
) -> None:
    place.put(write_batch(tmp_path / FIRST, TWO, is_test=True, namespace="2011/echo/12"))
    look(place)
    assert not master.catalog()["release"]
    root = answers(place)[f"ACK_{FIRST}_299000009001.xml"]
    assert etree.QName(root).localname == "FtpAcknowledgementMessage"
    assert root.findtext("FileStatus") == "FileOK"
    assert root.findtext("AcknowledgedFile/Date") == "2026-01-01"


def test_two_processes_share_no_inbox(
    open_place: Callable[[str], Place], look: Look, master: Master, tmp_path: Path
) -> None:
    place = open_place("folder")
    place.put(write_batch(tmp_path / FIRST, TWO))
    with psycopg.connect(master.dsn, autocommit=True) as other:
        other.execute(
            "SELECT pg_advisory_lock(hashtextextended('inbox ' || %s, 0))", (place.where,)
        )
        assert look(place, Watching(settle=0)).batches == 0
    assert look(place).batches == 1


def test_an_archive_is_answered_as_a_whole(
    open_place: Callable[[str], Place], look: Look, master: Master, tmp_path: Path
) -> None:
    import zipfile

    place = open_place("folder")
    with zipfile.ZipFile(Path(place.where) / "1.zip", "w") as archive:
        archive.writestr("a.xml", album())
        archive.writestr("b.xml", "<broken>")
    assert look(place, Watching(settle=0.01, quiet=0.02)).refused == 1
    (message,) = rows(master, "SELECT * FROM inbox_message")
    assert message["status"] == "quarantined"
    assert "b.xml: not well-formed" in message["reason"]
    assert titles(master) == {"Album"}


def test_an_empty_manifest_completes_a_batch(
    place: Place, look: Look, master: Master, tmp_path: Path
) -> None:
    batch = write_batch(tmp_path / FIRST, TWO, complete=False)
    (batch / f"BatchComplete_{FIRST}.xml").write_bytes(b"")
    place.put(batch)
    assert look(place).refused == 0
    root = answers(place)[f"ACK_{FIRST}_299000009001.xml"]
    assert root.findtext("MessageHeader/MessageRecipient/PartyId") == SENDER
    assert root.findtext(".//Acknowledgement/MessageId") == "1"


def test_a_manifest_that_names_the_same_twice_is_told(
    open_place: Callable[[str], Place], look: Look, master: Master, tmp_path: Path
) -> None:
    place = open_place("folder")
    batch = write_batch(tmp_path / FIRST, TWO, complete=False)
    urls = {f"{release}/{release}.xml": release for release in TWO}
    (batch / f"BatchComplete_{FIRST}.xml").write_bytes(manifest(urls, count=7))
    place.put(batch)
    look(place)
    assert master.one("SELECT notes FROM inbox_batch") == [
        "the manifest tells of 7 messages and names 2"
    ]

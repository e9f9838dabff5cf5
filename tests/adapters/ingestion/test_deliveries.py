"""Archives and batches in the master catalog: what is delivered is taken in or named."""

import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from adapters.ingestion.ingest import Options
from adapters.ingestion.report import Summary
from tests.adapters.ingestion.deliveries import manifest, write_batch
from tests.adapters.ingestion.master import Master
from tests.adapters.ingestion.messages import album

pytestmark = pytest.mark.integration

CASES = Path(__file__).parents[2] / "cases" / "ern" / "c"
BATCH = "20260101120000123"
TWO = {"299000009001": album(), "299000009018": album(upc="299000009018", isrcs=("GBLF92690007",))}


def statuses(summary: Summary) -> dict[str, str]:
    """File name → what became of it."""
    return {Path(f.path).name: f.status for f in summary.files}


def titles(master: Master) -> set[str]:
    """Of main releases."""
    releases = master.catalog()["release"]
    return {row["title"] for name, row in releases.items() if "/" not in name}


def test_packed_messages_are_read(master: Master) -> None:
    summary = master.ingest(CASES / "packed")
    assert summary.quarantined == 0
    assert {f.path.removeprefix(f"{CASES}/packed/"): f.status for f in summary.files} == {
        "d.zip/06025374000283.xml": "applied",
        "d.tar/a.xml": "applied",
        "d.xml.gz": "applied",
    }
    assert master.one("SELECT count(*) FROM ern_message") == 1


def test_a_real_batch_is_taken_in_whole(master: Master) -> None:
    summary = master.ingest(CASES / "batch")
    assert summary.quarantined == 0
    assert titles(master) == {"In a batch"}
    reports = {Path(f.path).name: f for f in summary.files}
    marker = reports["BatchComplete_20240105120000123.xml"]
    assert (marker.kind, marker.status, marker.rows) == ("ern-manifest", "applied", 1)
    # The case's manifest has the MD5 of nothing: told, and no reason to leave a release out.
    assert any("the manifest says d41d8cd9" in n for n in reports["06025374000269.xml"].notes)
    assert reports["06025374000269_01_001.flac"].status == "skipped"


def test_a_batch_without_its_manifest_is_still_coming(master: Master, tmp_path: Path) -> None:
    summary = master.ingest(CASES / "batch2", options=Options(only_batches=True))
    assert statuses(summary) == {"06025374000276.xml": "skipped"}
    assert not master.catalog()["release"]
    # Without being asked for batches the file is looked at, and it is not all there yet.
    assert statuses(master.ingest(CASES / "batch2")) == {"06025374000276.xml": "quarantined"}
    both = shutil.copytree(CASES / "batch", tmp_path / "both")
    shutil.copytree(CASES / "batch2", both, dirs_exist_ok=True)
    found = statuses(master.ingest(both, options=Options(only_batches=True, again=True)))
    assert found["06025374000269.xml"] == "applied"
    assert found["06025374000276.xml"] == "skipped"


def test_what_a_manifest_names_in_vain_is_named(master: Master, tmp_path: Path) -> None:
    batch = write_batch(tmp_path / BATCH, TWO)
    (batch / "299000009018" / "299000009018.xml").unlink()
    summary = master.ingest(batch)
    assert summary.quarantined == 1
    (marker,) = (f for f in summary.files if f.kind == "ern-manifest")
    assert "299000009018/299000009018.xml, which is not there" in marker.rejected[0].reason
    assert titles(master) == {"Album"}


def test_a_message_that_changed_under_way_is_told(master: Master, tmp_path: Path) -> None:
    batch = write_batch(tmp_path / BATCH, TWO)
    (batch / "299000009001" / "299000009001.xml").write_bytes(album(title="Another"))
    report = next(f for f in master.ingest(batch).files if f.path.endswith("9001.xml"))
    assert (report.status, report.flagged) == ("applied", 1)
    assert "MD5 sum" in report.notes[0]


def test_a_batch_of_tests_changes_nothing_and_does_not_hide_the_real_one(
    master: Master, tmp_path: Path
) -> None:
    options = Options()
    assert set(
        statuses(
            master.ingest(write_batch(tmp_path / "1", TWO, is_test=True), options=options)
        ).values()
    ) == {"test"}
    assert not master.catalog()["release"]
    found = statuses(master.ingest(write_batch(tmp_path / "2", TWO), options=options))
    assert set(found.values()) == {"applied"}
    assert len(titles(master)) == 1
    found = statuses(master.ingest(tmp_path / "2", options=options))
    assert found["299000009001.xml"] == "known"


def test_a_batch_in_an_archive(master: Master, tmp_path: Path) -> None:
    batch = write_batch(tmp_path / BATCH, TWO)
    with tarfile.open(tmp_path / "batch.tar.gz", "w:gz") as archive:
        archive.add(batch, arcname=BATCH)
    shutil.rmtree(batch)
    summary = master.ingest(tmp_path, options=Options(only_batches=True))
    assert summary.quarantined == 0
    assert [f.notes for f in summary.files] == [[], [], []]


def test_what_cannot_be_read_is_named(master: Master, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("../1.xml", album())
        archive.writestr("2.xml", album())
    (tmp_path / "b.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:-40])
    (tmp_path / "c.rar").write_bytes(b"Rar!\x1a\x07")
    summary = master.ingest(tmp_path)
    reasons = {Path(f.path).name: f.rejected[0].reason for f in summary.files if f.rejected}
    assert summary.quarantined == 3
    assert "leads out" in reasons["1.xml"]
    assert "damaged" in reasons["b.zip"]
    assert "rar archives aren't read" in reasons["c.rar"]
    assert titles(master) == {"Album"}


def test_a_manifest_that_cannot_be_read_is_named(master: Master, tmp_path: Path) -> None:
    batch = write_batch(tmp_path / BATCH, TWO)
    marker = batch / f"BatchComplete_{BATCH}.xml"
    marker.write_bytes(manifest({})[:-10])
    summary = master.ingest(batch)
    assert summary.quarantined == 1
    assert statuses(summary)["299000009001.xml"] == "applied"


def test_by_which_message_one_is_superseded(master: Master, tmp_path: Path) -> None:
    (tmp_path / "1.xml").write_bytes(album())
    (tmp_path / "2.xml").write_bytes(album("2026-01-02T00:00:00Z", number="2"))
    master.ingest(tmp_path)
    by = "SELECT b.sender_message_id FROM ern_message m JOIN ern_message b ON b.id = m.message_id"
    assert master.one(f"{by} WHERE m.status = 'superseded'") == "2"
    (tmp_path / "3.xml").write_bytes(album("2025-01-02T00:00:00Z", number="3"))
    (report,) = master.ingest(tmp_path / "3.xml").files
    assert "is superseded by PADPIDA202601170LU:2:" in report.notes[0]

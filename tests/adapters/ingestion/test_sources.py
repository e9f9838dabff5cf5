"""What is gathered from folders: nothing is left out without a word."""

import os
from pathlib import Path

import pytest

from adapters.ingestion.sources import gather, recognise, why_unknown
from domain.failures import WrongUsage


def test_what_is_no_file_of_ours_is_told(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "a.csv").write_text("releaseId,title,barcode\n")
    (inner / "notes.md").write_text("x")
    (inner / "nowhere.csv").symlink_to("gone.csv")
    os.mkfifo(inner / "pipe.xml")
    found, passed = gather([str(tmp_path)], tmp_path / "spool")
    assert [source.name for source in found] == [str(inner / "a.csv")]
    assert sorted(Path(p.name).name for p in passed) == ["notes.md", "nowhere.csv", "pipe.xml"]


def test_a_folder_that_cannot_be_listed_is_refused_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_text("releaseId,title,barcode\n")
    closed = tmp_path / "closed"
    closed.mkdir()
    scandir = os.scandir

    def refusing(path: str) -> object:
        if Path(path) == closed:  # root may list everything: permissions alone don't show it
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(WrongUsage, match="closed can't be read: Permission denied"):
        gather([str(tmp_path)], tmp_path / "spool")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        ("trackId,title,isrc,releaseId\n".encode("utf-16"), "not UTF-8"),
        (b"1,2,3\n", "names no trackId or releaseId"),
        (b"\n", "names no trackId or releaseId"),
    ],
)
def test_why_a_file_is_unknown(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "file.csv"
    file.write_bytes(content)
    source = recognise(file, "file.csv")
    assert source.layout is None
    assert not source.is_xml
    assert reason in why_unknown(source)

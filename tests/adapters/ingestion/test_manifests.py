"""Manifests in all their forms, held against what a batch holds."""

import base64
import hashlib
from io import BytesIO
from pathlib import Path

import pytest

from adapters.ingestion.manifests import (
    Entry,
    Manifest,
    Party,
    compare,
    hash_note,
    is_manifest,
    read,
)
from adapters.ingestion.resources import check
from domain.failures import Unusable
from tests.adapters.ingestion.deliveries import RECIPIENT, manifest
from tests.adapters.ingestion.messages import SENDER

BATCH = "20260101120000123"


@pytest.mark.parametrize(
    ("namespace", "version"),
    [("2011/echo/12", 12), ("ern-c/14", 14), ("ern-c-sftp/16", 16), ("ern-c-sftp/18", 18)],
)
def test_what_a_manifest_says(namespace: str, version: int) -> None:
    said = read(manifest({"1/1.xml": "M1"}, namespace=namespace))
    assert said == Manifest(
        version=version,
        sender=Party(SENDER, None),
        recipient=Party(RECIPIENT, None),
        count=1,
        entries=(Entry("1/1.xml", "M1", "NewReleaseMessage"),),
    )


def test_an_empty_one_says_that_the_batch_is_complete() -> None:
    assert read(b"").is_bare
    assert is_manifest(f"in/{BATCH}/BatchComplete_{BATCH}", b"")
    assert is_manifest("in/b/batch_complete_b.xml", b"")
    assert not is_manifest(f"in/{BATCH}/empty.xml", b"")


def test_a_manifest_is_known_by_its_root() -> None:
    assert is_manifest("x.xml", manifest({}))
    assert not is_manifest("BatchComplete_1.xml", b"<ern:NewReleaseMessage/>")


@pytest.mark.parametrize(
    "content", [b"<ManifestMessage>", b"<x/>", b"<!DOCTYPE a><ManifestMessage/>"]
)
def test_one_that_cannot_be_read(content: bytes) -> None:
    with pytest.raises(Unusable, match="manifest"):
        read(content)


@pytest.mark.parametrize(
    "url",
    [
        "1/1.xml",
        "./1/1.xml",
        f"{BATCH}/1/1.xml",
        f"/{BATCH}/1/1.xml",
        f"sftp://host/deep/{BATCH}/1/1.xml",
        "1/%31.xml",
    ],
)
def test_where_a_url_leads(url: str) -> None:
    found = compare(Manifest(count=1, entries=(Entry(url),)), ["1/1.xml"], [], BATCH)
    assert (set(found.named), found.missing, found.unnamed) == ({"1/1.xml"}, (), ())


@pytest.mark.parametrize("url", ["2/1.xml", "../1/1.xml", "", "1", "x/1/1.xml"])
def test_where_none_leads(url: str) -> None:
    found = compare(Manifest(count=1, entries=(Entry(url),)), ["1/1.xml"], [], BATCH)
    assert (found.named, len(found.missing), found.unnamed) == ({}, 1, ("1/1.xml",))


def test_the_count_is_checked() -> None:
    found = compare(Manifest(count=3, entries=(Entry("1/1.xml"),)), ["1/1.xml"], [], BATCH)
    assert found.notes == ("the manifest tells of 3 messages and names 1",)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA1", "SHA-256", "SHA512", None])
@pytest.mark.parametrize("form", [bytes.hex, lambda d: d.hex().upper(), base64.b64encode])
def test_hash_sums(tmp_path: Path, algorithm: str | None, form: object) -> None:
    file = tmp_path / "1.xml"
    file.write_bytes(b"<a/>")
    name = (algorithm or "MD5").lower().replace("-", "")
    written = form(hashlib.new(name, b"<a/>", usedforsecurity=False).digest())  # type: ignore[operator]
    said = written.decode() if isinstance(written, bytes) else written
    assert hash_note(Entry("", hash_sum=said, algorithm=algorithm), file) is None
    file.write_bytes(b"<b/>")
    assert "the manifest says" in (
        hash_note(Entry("", hash_sum=said, algorithm=algorithm), file) or ""
    )


def test_an_unknown_algorithm_is_told(tmp_path: Path) -> None:
    note = hash_note(Entry("", hash_sum="1", algorithm="CRC32"), tmp_path)
    assert note == "its hash sum isn't checked: algorithm CRC32 is not known"


def test_resources_that_are_not_there() -> None:
    content = b"""<m xmlns="urn:x"><File><URI>resources/1.flac</URI></File><File><FileName>2.flac
        </FileName><FilePath>resources/</FilePath></File><File><URI>https://a/3.flac</URI></File>
        <File><FileName>4.flac</FileName></File></m>"""
    files = {"1/resources/1.flac", "1/1.xml", "1/4.flac"}
    odd = check(BytesIO(content), "1/1.xml", files, None)
    assert (odd.absent, odd.damaged) == (["resources/2.flac"], [])


@pytest.mark.parametrize("version", ["3.x", "4.x"])
def test_hash_sums_of_resources(tmp_path: Path, version: str) -> None:
    """Each file is read where it lies; what differs is told by its name."""
    (tmp_path / "1" / "resources").mkdir(parents=True)
    sums = []
    for name in ("good.flac", "bad.flac"):
        (tmp_path / "1" / "resources" / name).write_bytes(name.encode())
        sums.append(hashlib.md5(name.encode()).hexdigest())  # noqa: S324 - what senders use
    (tmp_path / "1" / "resources" / "bad.flac").write_bytes(b"damaged")
    names = ("URL", "HashSum", "HashSumAlgorithmType")
    if version == "4.x":
        names = ("URI", "HashSumValue", "Algorithm")
    where, value, algorithm = names
    content = "".join(
        f"<File><{where}>resources/{name}</{where}><HashSum><{value}>{said}</{value}>"
        f"<{algorithm}>MD5</{algorithm}></HashSum></File>"
        for name, said in zip(("good.flac", "bad.flac"), sums, strict=True)
    )
    message = BytesIO(f"<m xmlns='urn:x'><SoundRecording>{content}</SoundRecording></m>".encode())
    files = {"1/resources/good.flac", "1/resources/bad.flac"}
    odd = check(message, "1/1.xml", files, tmp_path)
    assert odd.absent == []
    [note] = odd.damaged
    assert note.startswith("resources/bad.flac: its MD5 sum is")
    assert note.endswith(f"the message says {sums[1]}")

"""Archives: what they hold comes out, and what would do harm is refused with its reason."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.ingestion.archives import ArchiveLimits, Member, unpack
from adapters.ingestion.sources import is_named_like_input
from domain.failures import Unusable

SMALL = ArchiveLimits(members=5, total_bytes=4 << 20, member_bytes=3 << 20, ratio=100, depth=2)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[bytes], list[Member]]:
    """Unpacks an archive within small limits."""

    def open_it(content: bytes) -> list[Member]:
        archive, folder = tmp_path / "archive", tmp_path / "members"
        archive.write_bytes(content)
        folder.mkdir()
        return unpack(archive, folder, is_named_like_input, SMALL)

    return open_it


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def tarred(files: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    """A tar archive; `links` are symbolic ones."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, to in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, to
            archive.addfile(info)
    return target.getvalue()


FILES = {"b/1/1.xml": b"<a/>", "b/1/resources/1.flac": b"sound", "b/BatchComplete_b.xml": b""}


@pytest.mark.parametrize(
    "packed",
    [zipped(FILES), tarred(FILES), gzip.compress(tarred(FILES))],
    ids=["zip", "tar", "tar.gz"],
)
def test_messages_come_out_and_the_rest_is_told(
    opened: Callable[[bytes], list[Member]], packed: bytes
) -> None:
    members = {m.name: None if m.path is None else m.path.read_bytes() for m in opened(packed)}
    assert members == {**FILES, "b/1/resources/1.flac": None}


def test_a_gzipped_message_has_no_name_of_its_own(opened: Callable[[bytes], list[Member]]) -> None:
    (member,) = opened(gzip.compress(b"<a/>"))
    assert (member.name, member.path and member.path.read_bytes()) == ("", b"<a/>")


def test_archives_within_archives(opened: Callable[[bytes], list[Member]]) -> None:
    members = opened(
        zipped({"d/1.xml.gz": gzip.compress(b"<a/>"), "2.zip": zipped({"2.xml": b"2"})})
    )
    assert {m.name for m in members} == {"d/1.xml", "2.zip/2.xml"}


@pytest.mark.parametrize("name", ["../1.xml", "/etc/1.xml", "a/../../1.xml", "..\\1.xml"])
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_no_name_leads_out(
    opened: Callable[[bytes], list[Member]],
    pack: Callable[[dict[str, bytes]], bytes],
    name: str,
    tmp_path: Path,
) -> None:
    (member,) = opened(pack({name: b"<a/>"}))
    assert member.path is None
    assert "leads out" in (member.why_not or "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["archive", "members"]


def test_a_link_is_not_followed(opened: Callable[[bytes], list[Member]]) -> None:
    assert opened(tarred({}, {"1.xml": "/etc/passwd"})) == [Member("1.xml")]


def test_an_encrypted_member_is_named(opened: Callable[[bytes], list[Member]]) -> None:
    packed = bytearray(zipped({"1.xml": b"<a/>"}))
    for at, flags in ((packed.find(b"PK\x03\x04"), 6), (packed.find(b"PK\x01\x02"), 8)):
        packed[at + flags] |= 1
    (member,) = opened(bytes(packed))
    assert member.why_not == "it is encrypted"


BOMB = b"<a>" + bytes(2 << 20)


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (zipped({"1.xml": BOMB}), "bomb"),
        (gzip.compress(BOMB), "bomb"),
        (gzip.compress(tarred({"1.flac": bytes(3 << 20)})), "bomb"),
        (zipped({f"{n}.xml": b"" for n in range(6)}), "more than 5 members"),
        (tarred({f"{n}.xml": b"" for n in range(6)}), "more than 5 members"),
        (tarred({"1.xml": bytes((3 << 20) + 1)}), "a member has more than"),
        (tarred({"1.xml": bytes(3 << 20), "2.xml": bytes(3 << 20)}), "it holds more than"),
        (zipped({"1.zip": zipped({"2.zip": zipped({"3.xml": b""})})}), "deeper than 2"),
        (zipped(FILES)[:-30], "damaged"),
        (gzip.compress(b"<a/>" * 99)[:-9], "damaged"),
        (tarred(FILES)[:700], "damaged"),
        (b"Rar!\x1a\x07", "rar archives aren't read"),
        (b"BZh91AY&SY", "bzip2 archives aren't read"),
    ],
)
def test_what_would_do_harm_is_refused(
    opened: Callable[[bytes], list[Member]], packed: bytes, reason: str
) -> None:
    with pytest.raises(Unusable, match=reason):
        opened(packed)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    st.sampled_from([zipped(FILES), tarred(FILES), gzip.compress(tarred(FILES))]),
    st.lists(st.tuples(st.integers(0, 3000), st.binary(min_size=1, max_size=8)), max_size=4),
)
def test_damage_never_fails_otherwise(
    tmp_path_factory: pytest.TempPathFactory, packed: bytes, damage: list[tuple[int, bytes]]
) -> None:
    content = bytearray(packed)
    for place, written in damage:
        at = place % len(content)
        content[at : at + len(written)] = written
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "archive").write_bytes(content)
    (folder / "members").mkdir()
    with suppress(Unusable):
        unpack(folder / "archive", folder / "members", is_named_like_input, SMALL)


def test_a_member_whose_name_is_empty_is_a_member_too(
    opened: Callable[[bytes], list[Member]],
) -> None:
    named = {"xx.csv": b"1", "yy.csv": b"2"}
    damaged = zipped(named).replace(b"xx.csv", b"\0x.csv")  # names end at a null byte
    assert [member.name for member in opened(damaged)] == ["", "yy.csv"]


def test_a_member_that_is_said_to_begin_before_the_file_is_damage(
    opened: Callable[[bytes], list[Member]],
) -> None:
    damaged = bytearray(zipped({"a.csv": b"1"}))
    damaged[-6] += 1  # where the directory begins; members are found relative to it
    with pytest.raises(Unusable, match="damaged"):
        opened(bytes(damaged))

"""Archives from strangers: what is in them, written out within bounds.

A member's name is only ever shown, never used as a path, so none can lead out of the folder that
its content is written to. What an archive says of its own sizes is not believed: bytes are counted
as they come.
"""

import errno
import gzip
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from domain.failures import Unusable

_BLOCK = 1 << 18
_JUDGED_FROM = 1 << 20
"""Bytes out, from which on the ratio counts: a small file may repeat itself as it likes."""
_ENCRYPTED = 0x1
_TAR_AT, _TAR_HEAD = 257, 512
_UNREAD = {
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "rar",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_OF_THE_ARCHIVE = (None, errno.EINVAL)
"""Of errors that no disk gives: the compressors' own, and of a seek to before the file's start."""
_DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError,
    NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip

SUFFIXES = frozenset({".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst"})
"""How names of archives end, those included that can only be named as not read."""


@dataclass(frozen=True)
class ArchiveLimits:
    """How much may come out of one archive, with all archives that are in it."""

    members: int = 200_000
    total_bytes: int = 16 << 30
    member_bytes: int = 4 << 30
    ratio: int = 250
    """Bytes out for a byte in: messages come to 50, a bomb to 1,000."""
    depth: int = 3
    """Archives within archives."""


@dataclass(frozen=True)
class Member:
    """A file of an archive."""

    name: str
    """As the archive calls it; archives within it count as folders. Empty for what a .gz holds."""
    path: Path | None = None
    """Where its content was written."""
    why_not: str | None = None
    """Why it can't be read. Without it and without a path it was passed over by its name."""


def kind_of(head: bytes) -> str | None:
    """zip, gzip, tar, the name of a kind that isn't read, or None, by the first 512 bytes."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return "tar"
    return next((kind for start, kind in _UNREAD.items() if head.startswith(start)), None)


def unpack(
    archive: Path,
    folder: Path,
    is_wanted: Callable[[str], bool],
    limits: ArchiveLimits | None = None,
) -> list[Member]:
    """Write the wanted members of an archive, and of archives in it, into `folder`.

    `is_wanted` is asked with a member's last name. Raises Unusable for an archive that is damaged,
    is of a kind that isn't read, or breaks a limit: nothing of it is to be used then. Raises
    OSError where the disk fails.
    """
    unpacking = _Unpacking(folder, is_wanted, limits or ArchiveLimits())
    unpacking.expand(archive, "", 1)
    return unpacking.found


@dataclass
class _Unpacking:
    folder: Path
    is_wanted: Callable[[str], bool]
    limits: ArchiveLimits
    members: int = 0
    written: int = 0
    files: int = 0
    found: list[Member] = field(default_factory=list)

    def expand(self, archive: Path, prefix: str, depth: int) -> None:
        if depth > self.limits.depth:
            raise Unusable(f"it holds archives within archives, deeper than {self.limits.depth}")
        with archive.open("rb") as file:
            kind = kind_of(file.read(_TAR_HEAD))
            file.seek(0)
            try:
                if kind == "zip":
                    self._zip(file, prefix, depth)
                elif kind == "gzip":
                    self._gzip(file, prefix, depth)
                elif kind == "tar":
                    self._tar(file, prefix, depth)
                else:
                    raise Unusable(
                        f"{kind} archives aren't read: send .zip, .tar, .tar.gz or .xml.gz"
                    )
            except (*_DAMAGED, OSError) as error:
                if isinstance(error, OSError) and error.errno not in _OF_THE_ARCHIVE:
                    raise  # the disk
                raise Unusable(f"the {kind} archive is damaged: {error}") from error

    def _zip(self, file: BinaryIO, prefix: str, depth: int) -> None:
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                name = prefix + info.filename
                # Not is_dir(): of a name that damage has made empty, it is an IndexError.
                if info.filename.endswith("/") or self._passes_over(name):
                    continue
                if info.flag_bits & _ENCRYPTED:
                    self.found.append(Member(name, why_not="it is encrypted"))
                    continue
                with archive.open(info) as stream:
                    self._take(name, self._write(stream, info.compress_size), depth)

    def _tar(self, stream: BinaryIO, prefix: str, depth: int) -> None:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for info in archive:
                if info.isdir():
                    continue
                name = prefix + info.name
                if not info.isreg():
                    self.found.append(Member(name))
                elif not self._passes_over(name) and (content := archive.extractfile(info)):
                    self._take(name, self._write(content, None), depth)

    def _gzip(self, file: BinaryIO, prefix: str, depth: int) -> None:
        with gzip.GzipFile(fileobj=file) as unzipped:
            stream = _Counted(cast(IO[bytes], unzipped), file, self.limits)
            if kind_of(stream.peek()) == "tar":
                self._tar(cast(BinaryIO, stream), prefix, depth)
                return
            self.members += 1
            name = prefix.rstrip("/").removesuffix(".gz") if prefix else ""
            self._take(name, self._write(cast(IO[bytes], stream), None), depth)

    def _passes_over(self, name: str) -> bool:
        """Whether a member isn't to be written; it is noted then, where it must be reported."""
        self.members += 1
        if self.members > self.limits.members:
            raise Unusable(f"it has more than {self.limits.members} members")
        path = PurePosixPath(name.replace("\\", "/"))
        if not self.is_wanted(path.name):
            self.found.append(Member(name))
        elif path.is_absolute() or ".." in path.parts:
            self.found.append(Member(name, why_not="its name leads out of the archive"))
        else:
            return False
        return True

    def _write(self, stream: IO[bytes], packed: int | None) -> Path:
        """A new file with the content of `stream`, of which `packed` bytes were read, if known."""
        self.files += 1
        path = self.folder / str(self.files)
        size = 0
        with path.open("xb") as file:
            while block := stream.read(_BLOCK):
                size += len(block)
                self.written += len(block)
                if size > self.limits.member_bytes:
                    raise Unusable(f"a member has more than {self.limits.member_bytes} bytes")
                if self.written > self.limits.total_bytes:
                    raise Unusable(f"it holds more than {self.limits.total_bytes} bytes")
                if packed is not None:
                    _refuse_bomb(size, packed, self.limits)
                file.write(block)
        return path

    def _take(self, name: str, path: Path, depth: int) -> None:
        with path.open("rb") as file:
            is_archive = kind_of(file.read(_TAR_HEAD)) is not None
        if is_archive:
            self.expand(path, f"{name}/", depth + 1)
            path.unlink()
        else:
            self.found.append(Member(name, path))


class _Counted:
    """What comes out of a gzip stream, held against what went in."""

    def __init__(self, stream: IO[bytes], packed: BinaryIO, limits: ArchiveLimits) -> None:
        self._stream = stream
        self._packed = packed
        self._limits = limits
        self._size = 0
        self._ahead = b""

    def peek(self) -> bytes:
        """The first bytes, which are read again."""
        self._ahead = self._stream.read(_TAR_HEAD)
        return self._ahead

    def read(self, size: int) -> bytes:
        """At most so many bytes. Raises Unusable for a bomb."""
        block, self._ahead = self._ahead[:size], self._ahead[size:]
        block += self._stream.read(size - len(block))
        self._size += len(block)
        if self._size > self._limits.total_bytes:
            raise Unusable(f"it holds more than {self._limits.total_bytes} bytes")
        _refuse_bomb(self._size, self._packed.tell(), self._limits)
        return block


def _refuse_bomb(size: int, packed: int, limits: ArchiveLimits) -> None:
    if size > _JUDGED_FROM and size > limits.ratio * max(1, packed):
        raise Unusable(f"it is more than {limits.ratio} times as great unpacked: refused as a bomb")

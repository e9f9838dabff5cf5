"""Where input comes from: files, folders, archives, standard input; and what each file is, by its
content."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from adapters.ingestion import archives, manifests
from adapters.ingestion.feeds import layout
from adapters.ingestion.feeds.layout import Layout
from adapters.ingestion.feeds.records import read_header
from adapters.ingestion.source_file import SourceFile
from domain.failures import Unusable, WrongUsage

_HEAD = 1 << 16
_CREATED = re.compile(rb"<(?:[\w.-]+:)?MessageCreatedDateTime[^>]*>\s*([^<\s]+)")
_XML_START = re.compile(rb"\s*<[?!A-Za-z_]")
_CANDIDATES = {".csv", ".xml", ".txt", "", *archives.SUFFIXES}


@dataclass(frozen=True)
class Source(SourceFile):
    """One input file, recognised."""

    layout: Layout | None = None
    """The feed that it is."""
    is_xml: bool = False
    is_manifest: bool = False
    """It says what a batch should hold, or only that it is complete."""
    unreadable: str | None = None
    """Why an archive can't be read."""
    created: str = ""
    """MessageCreatedDateTime as it stands in the head of an ERN message: for the order only."""

    @property
    def order(self) -> tuple[int, str, str]:
        """Owners before what refers to them, full feeds before changes, messages by their date."""
        if self.layout is not None:
            rank = 2 * self.layout.is_incremental + (self.layout.subject == "track")
            return (rank, "", self.name)
        return (4, self.created, self.name) if self.is_xml else (5, "", self.name)


@dataclass(frozen=True)
class Passed:
    """What a folder or archive holds that is no feed or message by its name, or no file at all."""

    name: str
    why_not: str | None = None
    """Why it can't be read although it should be."""


def gather(
    paths: Iterable[str], spool: Path, standard_input: BinaryIO | None = None
) -> tuple[list[Source], list[Passed]]:
    """All inputs that the paths name, in the order in which to take them.

    Folders are read recursively; in them files whose names end in neither `.csv`, `.xml`, `.txt`
    nor as archives do are passed over, and told, as are pipes and links to nowhere. A file that is
    named itself is never passed over. Archives count as folders. `-` is `standard_input`.

    What archives and standard input hold is written to the folder `spool`.
    Raises WrongUsage for a path that isn't there or can't be read.
    """
    sources: dict[Path | str, Source] = {}
    passed: dict[Path | str, Passed] = {}
    for given in paths:
        path = Path(given)
        try:
            if given == "-":
                path = _copy(standard_input, spool / "standard-input")
            found, others = _below(path, given)
        except OSError as error:
            where = error.filename or given
            raise WrongUsage(f"{where} can't be read: {error.strerror or error}") from error
        for where_it_is, source in found.items():
            sources.setdefault(where_it_is, source)
        passed.update({other.resolve(): Passed(str(other)) for other in others})
    for key, source in list(sources.items()):
        if is_archive(source):
            del sources[key]
            inside, others_inside = open_archive(source, spool)
            sources.update({s.name: s for s in inside})
            passed.update({p.name: p for p in others_inside})
    ordered = sorted(sources.values(), key=lambda source: source.order)
    return ordered, [p for path, p in passed.items() if path not in sources]


def _below(path: Path, given: str) -> tuple[dict[Path | str, Source], list[Path]]:
    """What a path names: where each file really is → the file; and what is passed over."""
    if not path.is_dir():
        return {path.resolve(): recognise(path, given)}, []
    files = _inside(path)
    found: dict[Path | str, Source] = {
        file.resolve(): recognise(file, str(file)) for file in files if _is_candidate(file)
    }
    return found, [file for file in files if not _is_candidate(file)]


def is_archive(source: Source) -> bool:
    """Whether a source is an archive, of a kind that is read or not. Raises OSError."""
    if source.layout is not None or source.is_xml:
        return False
    with source.open() as stream:
        return archives.kind_of(stream.read(_HEAD)) is not None


def open_archive(archive: Source, spool: Path) -> tuple[list[Source], list[Passed]]:
    """What an archive holds, written to folders in `spool`.

    An archive that can't be used is a source of its own, with the reason.
    """
    folder = spool / f"archive-{archive.sha256}"
    folder.mkdir(exist_ok=True)
    try:
        members = archives.unpack(archive.path, folder, is_named_like_input)
    except Unusable as error:
        return [replace(archive, unreadable=str(error))], []
    sources, passed = [], []
    for member in members:
        name = f"{archive.name}/{member.name}" if member.name else archive.name
        if member.path is None:
            passed.append(Passed(name, member.why_not))
        else:
            sources.append(recognise(member.path, name))
    return sources, passed


def _inside(folder: Path) -> list[Path]:
    """All files below a folder, by path. Raises OSError for a folder that can't be listed."""

    def refuse(error: OSError) -> None:
        raise error

    walk = os.walk(folder, onerror=refuse)
    return sorted(Path(where, name) for where, _, names in walk for name in names)


def _is_candidate(found: Path) -> bool:
    return is_named_like_input(found.name) and found.is_file()


def is_named_like_input(name: str) -> bool:
    """Whether a file of this name is looked at where a whole folder or archive is taken in."""
    return PurePosixPath(name).suffix.lower() in _CANDIDATES and not name.startswith(".")


def recognise(path: Path, name: str) -> Source:
    """What a file is, by its first bytes. Raises OSError."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        stream.seek(0)
        is_xml = _looks_like_xml(head)
        found = None if is_xml else layout.recognise(read_header(stream))
        digest = hashlib.sha256()
        stream.seek(0)
        size = 0
        for block in _blocks(stream):
            digest.update(block)
            size += len(block)
    created = _CREATED.search(head) if is_xml else None
    return Source(
        name=name,
        path=path,
        size=size,
        sha256=digest.hexdigest(),
        layout=found,
        is_xml=is_xml,
        is_manifest=(is_xml or not head) and manifests.is_manifest(name, head),
        created=created[1].decode(errors="replace") if created else "",
    )


def why_unknown(source: Source) -> str:
    """Why a source is neither a feed nor a message, for who sent it. Raises OSError."""
    if source.unreadable is not None:
        return source.unreadable
    with source.open() as stream:
        head = stream.read(_HEAD)
    if not head:
        return "it is empty"
    try:
        head.splitlines()[0].decode()
    except UnicodeDecodeError:
        return "neither XML nor a feed: the first line is not UTF-8"
    return "neither XML nor a feed: the first line names no trackId or releaseId"


def _looks_like_xml(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe<", b"\xfe\xff\x00<", b"<\x00", b"\x00<")):
        return True  # UTF-16
    return _XML_START.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    while block := stream.read(1 << 20):
        yield block


def _copy(standard_input: BinaryIO | None, path: Path) -> Path:
    if standard_input is None:
        raise WrongUsage("- names standard input, and there is none")
    with path.open("wb") as copy:
        for block in _blocks(standard_input):
            copy.write(block)
    return path

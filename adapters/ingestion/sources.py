"""Where input comes from: files, folders, standard input; and what each file is, by its content."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from adapters.ingestion.feeds import layout
from adapters.ingestion.feeds.layout import Layout
from adapters.ingestion.feeds.records import read_header
from adapters.ingestion.source_file import SourceFile
from domain.failures import WrongUsage

_HEAD = 1 << 16
_CREATED = re.compile(rb"<(?:[\w.-]+:)?MessageCreatedDateTime[^>]*>\s*([^<\s]+)")
_XML_START = re.compile(rb"\s*<[?!A-Za-z_]")
_CANDIDATES = {".csv", ".xml", ".txt", ""}


@dataclass(frozen=True)
class Source(SourceFile):
    """One input file, recognised."""

    layout: Layout | None = None
    """The feed that it is."""
    is_xml: bool = False
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
    """What a folder holds that is no feed or message by its name, or no file at all."""

    name: str


def gather(
    paths: Iterable[str], standard_input: BinaryIO | None = None
) -> tuple[list[Source], list[Passed]]:
    """All inputs that the paths name, in the order in which to take them.

    Folders are read recursively; in them files that end in neither `.csv`, `.xml` nor `.txt` are
    passed over, and told, as are pipes and links to nowhere. A file that is named itself is never
    passed over. `-` is `standard_input`, kept in a temporary file until the process ends.

    Raises WrongUsage for a path that isn't there or can't be read.
    """
    sources: dict[Path | str, Source] = {}
    passed: dict[Path, Passed] = {}
    for given in paths:
        if given == "-":
            sources["-"] = _spool(standard_input)
            continue
        path = Path(given)
        try:
            if not path.is_dir():
                sources.setdefault(path.resolve(), recognise(path, given))
                continue
            for found in _inside(path):
                if _is_candidate(found):
                    sources.setdefault(found.resolve(), recognise(found, str(found)))
                else:
                    passed[found.resolve()] = Passed(str(found))
        except OSError as error:
            where = error.filename or given
            raise WrongUsage(f"{where} can't be read: {error.strerror or error}") from error
    ordered = sorted(sources.values(), key=lambda source: source.order)
    return ordered, [p for path, p in passed.items() if path not in sources]


def _inside(folder: Path) -> list[Path]:
    """All files below a folder, by path. Raises OSError for a folder that can't be listed."""

    def refuse(error: OSError) -> None:
        raise error

    walk = os.walk(folder, onerror=refuse)
    return sorted(Path(where, name) for where, _, names in walk for name in names)


def _is_candidate(found: Path) -> bool:
    is_named_so = found.suffix.lower() in _CANDIDATES and not found.name.startswith(".")
    return is_named_so and found.is_file()


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
        created=created[1].decode(errors="replace") if created else "",
    )


def why_unknown(source: Source) -> str:
    """Why a source is neither a feed nor a message, for who sent it. Raises OSError."""
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


def _spool(standard_input: BinaryIO | None) -> Source:
    if standard_input is None:
        raise WrongUsage("- names standard input, and there is none")
    # The name must outlive this function; the file goes with the process (see `delete` below).
    spool = tempfile.NamedTemporaryFile(prefix="catalog-ingest-")  # noqa: SIM115
    for block in _blocks(standard_input):
        spool.write(block)
    spool.flush()
    source = recognise(Path(spool.name), "-")
    _SPOOLS.append(spool)
    return source


_SPOOLS: list[object] = []
"""Keeps the copies of standard input until the process ends; then they delete themselves."""

"""The files that a message of a batch names: whether each is there, and is what the message says.

ERN names the files of its resources by File: FilePath and FileName or URL (3.x), URI (4.x), and a
sender may add a HashSum (the ERN XSDs: ddex:File, ddexC:HashSum). The message is read once more for
it, piece by piece, and so are the files.
"""

import posixpath
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lxml import etree

from adapters.ingestion import manifests
from adapters.ingestion.ern.reading import text

_LISTED = ("SoundRecording", "Video", "Image", "Text", "SheetMusic", "Software", "MIDI")


@dataclass(frozen=True)
class NamedFile:
    """A file that a message names."""

    name: str
    """As the message writes it."""
    algorithm: str | None
    hash_sum: str | None


@dataclass(frozen=True)
class Odd:
    """What is odd about the files of a message."""

    absent: list[str]
    """Names of those that are not in the batch."""
    damaged: list[str]
    """What is wrong with the hash sums of others, by name."""


def check(stream: BinaryIO, path: str, files: Collection[str], root: Path | None) -> Odd:
    """Hold the files that the message at `path` names against its batch's `files`.

    Both are relative to the batch, which is the folder `root`; where it is None (an archive, an
    inbox elsewhere) the files' bytes aren't at hand, and only their names are looked for. Addresses
    elsewhere are left alone; so is a message that isn't XML. Raises OSError.
    """
    odd = Odd([], [])
    for file in dict.fromkeys(_named(stream)):
        where = _place(file.name, path, files)
        if where is None:
            odd.absent.append(file.name)
        elif root is not None and (note := _note(file, root / where)) is not None:
            odd.damaged.append(f"{file.name}: {note}")
    return odd


def _named(stream: BinaryIO) -> Iterator[NamedFile]:
    """The files in the order of the message; what was read of it is dropped."""
    tags = [f"{{*}}{name}" for name in ("File", "ReleaseDeal", *_LISTED)]
    try:
        for _, element in etree.iterparse(
            stream, tag=tags, resolve_entities=False, no_network=True, load_dtd=False
        ):
            if etree.QName(element).localname == "File":
                file = _file(element)
                if file.name and "://" not in file.name:
                    yield file
            else:
                element.clear()
    except etree.XMLSyntaxError:
        return


def _file(element: etree._Element) -> NamedFile:
    for child in element.iter():
        if isinstance(child.tag, str):
            child.tag = etree.QName(child).localname
    in_parts = posixpath.join(text(element, "FilePath") or "", text(element, "FileName") or "")
    return NamedFile(
        text(element, "URI") or in_parts or text(element, "URL") or "",
        text(element, "HashSum/HashSumAlgorithmType") or text(element, "HashSum/Algorithm"),
        text(element, "HashSum/HashSum") or text(element, "HashSum/HashSumValue"),
    )


def _place(name: str, path: str, files: Collection[str]) -> str | None:
    """Where a file lies that is named relative to its message, or to the batch; beside `resources`
    it may also be named without that folder."""
    bare = name.lstrip("/")
    beside = posixpath.dirname(path)
    for place in (posixpath.join(beside, bare), bare, posixpath.join(beside, "resources", bare)):
        if (normal := posixpath.normpath(place)) in files:
            return normal
    return None


def _note(file: NamedFile, path: Path) -> str | None:
    if not file.hash_sum or not path.is_file():
        return None
    return manifests.sum_note(file.algorithm, file.hash_sum, path, "message")

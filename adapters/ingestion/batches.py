"""Batches among what is taken in: which files belong to which, and what their manifests find."""

import posixpath
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from adapters.ingestion import manifests, resources
from adapters.ingestion.manifests import Entry, Found, Manifest
from adapters.ingestion.source_file import SourceFile
from adapters.ingestion.sources import Passed, Source
from domain.failures import Unusable

_SHOWN = 3


@dataclass(frozen=True)
class Batch:
    """A folder with a manifest in it. All names are those of the sources."""

    marker: Source
    manifest: Manifest
    found: Found
    files: Collection[str] = frozenset()
    """Everything in the folder, relative to it."""
    unreadable: str | None = None
    """Why its manifest says nothing."""

    @property
    def folder(self) -> str:
        """Its name, as a path."""
        return posixpath.dirname(self.marker.name)

    @property
    def id(self) -> str:
        """BatchId: the folder's name, without what tells its priority (P_, M_, N_)."""
        return batch_id(self.folder)

    @property
    def _root(self) -> Path | None:
        """The folder itself, where it is one: not a place in an archive."""
        path = self.marker.path
        return path.parent if path == Path(self.marker.name) else None

    def relative(self, name: str) -> str:
        """A file's path in the batch."""
        return _relative(name, self.folder)

    def notes(self, source: SourceFile) -> list[str]:
        """What is odd about a message of the batch: its hash sum, resources that aren't there."""
        path = self.relative(source.name)
        entry = self.found.named.get(path)
        notes = [] if entry is None else [manifests.hash_note(entry, source.path)]
        if self.found.named and entry is None:
            notes.append("the manifest does not name it")
        if not self.manifest.is_bare:
            with source.open() as stream:
                odd = resources.check(stream, path, self.files, self._root)
            if odd.absent:
                notes.append(f"not in the batch: {_some(odd.absent, ', ')}")
            if odd.damaged:
                notes.append(_some(odd.damaged, "; "))
        return [note for note in notes if note]


@dataclass(frozen=True)
class Grouped:
    """Sources by the batch that they are in."""

    batches: list[Batch]
    alone: list[Source] = field(default_factory=list)
    """In no batch."""
    of: dict[str, Batch] = field(default_factory=dict)
    """Name of a message → its batch."""


def group(sources: Sequence[Source], passed: Iterable[Passed]) -> Grouped:
    """Find batches by their manifests; the innermost one has a file. Raises OSError."""
    markers = [source for source in sources if source.is_manifest]
    folders = {posixpath.dirname(marker.name) for marker in markers}
    inside: dict[str, list[Source]] = {folder: [] for folder in folders}
    files: dict[str, set[str]] = {folder: set() for folder in folders}
    grouped = Grouped([])
    for source in sources:
        if source.is_manifest:
            continue
        folder = _nearest(source.name, folders)
        (grouped.alone if folder is None else inside[folder]).append(source)
    for name in [p.name for p in passed] + [s.name for s in sources]:
        if (folder := _nearest(name, folders)) is not None:
            files[folder].add(_relative(name, folder))
    for marker in markers:
        folder = posixpath.dirname(marker.name)
        batch = judge(marker, inside[folder], files[folder])
        grouped.batches.append(batch)
        grouped.of.update({source.name: batch for source in inside[folder]})
    return grouped


def judge(marker: Source, messages: Sequence[Source], files: Collection[str]) -> Batch:
    """A batch held against its manifest. Raises OSError."""
    folder = posixpath.dirname(marker.name)
    manifest, unreadable = Manifest(is_bare=True), None
    try:
        with marker.open() as stream:
            manifest = manifests.read(stream.read())
    except Unusable as error:
        unreadable = str(error)
    paths = [_relative(source.name, folder) for source in messages]
    found = manifests.compare(manifest, paths, files, PurePosixPath(folder).name)
    return Batch(marker, manifest, found, frozenset(files), unreadable)


def why_missing(entry: Entry) -> str:
    """Of a message that a manifest names."""
    return f"the manifest names {entry.url or 'a message without URL'}, which is not there"


def batch_id(folder: str) -> str:
    """The BatchId in a folder's name."""
    name = PurePosixPath(folder).name
    return name[2:] if name[:2] in ("P_", "M_", "N_") else name


def _some(found: Sequence[str], between: str) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return between.join(found[:_SHOWN]) + more


def _nearest(name: str, folders: Collection[str]) -> str | None:
    folder = posixpath.dirname(name)
    while folder not in folders:
        if folder in ("", "/"):
            return None
        folder = posixpath.dirname(folder)
    return folder


def _relative(name: str, folder: str) -> str:
    return name[len(folder) :].lstrip("/")

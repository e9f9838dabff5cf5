"""Manifests of batches: what a delivery should hold, held against what it holds.

A batch is a folder whose manifest `BatchComplete_<BatchId>.xml` is put there last (ERN
Choreography, "SFTP Server Organisation" and "File Naming Convention", kb.ddex.net, ECHO17FTP). It
tells where each message is, how many there are and, if the sender likes, a hash sum of each
(dictionary ECHO17: ern-c-sftp:ManifestMessage, ddexC:ErnMessageInBatch, ddexC:HashSum). The same
name with nothing in it only says that the batch is complete.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from lxml.etree import _Element as Element

from adapters.ingestion.ern import document
from adapters.ingestion.ern.reading import is_true, text
from domain.failures import Unusable

MARKER = re.compile(r"(?:batch_?complete|manifest)_", re.IGNORECASE)
"""How the name of what completes a batch begins; `Manifest_` before version 1.3."""
_ROOT = re.compile(rb"<(?:[\w.-]+:)?ManifestMessage[\s>/]")
_VERSION = re.compile(r"/(?:echo|ern-c|ern-c-sftp|ern-c-cloud)/(\d\d)")
_MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class Party:
    """A sender or recipient."""

    dpid: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Entry:
    """A message that the manifest names."""

    url: str
    message_id: str | None = None
    message_type: str | None = None
    hash_sum: str | None = None
    algorithm: str | None = None


@dataclass(frozen=True)
class Manifest:
    """What a batch should hold."""

    version: int | None = None
    """Of the choreography: 12 to 18; None where nothing tells it."""
    sender: Party = Party()
    recipient: Party = Party()
    is_test: bool = False
    count: int | None = None
    """NumberOfMessages, if it can be read."""
    entries: tuple[Entry, ...] = ()
    is_bare: bool = False
    """It only says that the batch is complete."""


@dataclass(frozen=True)
class Found:
    """How a batch compares with its manifest. Paths are relative to the batch."""

    named: dict[str, Entry]
    """Path of a message → what the manifest says of it."""
    missing: tuple[Entry, ...]
    unnamed: tuple[str, ...]
    """Messages of which the manifest says nothing."""
    notes: tuple[str, ...]


def is_manifest(name: str, head: bytes) -> bool:
    """Whether a file completes a batch, by its root element, or by its name if it is empty."""
    return bool(_ROOT.search(head)) if head else bool(MARKER.match(PurePosixPath(name).name))


def read(content: bytes) -> Manifest:
    """What a manifest says; an empty one says nothing. Raises Unusable."""
    if not content:
        return Manifest(is_bare=True)
    try:
        root = document.parse(content, _MOST_BYTES)
    except Unusable as error:
        raise Unusable(f"the manifest can't be read: {error}") from None
    if root.tag != "ManifestMessage":
        raise Unusable(f"the manifest's root element is {root.tag!s}, not ManifestMessage")
    count = text(root, "NumberOfMessages")
    return Manifest(
        version=_version(root),
        sender=_party(root.find("MessageHeader/MessageSender")),
        recipient=_party(root.find("MessageHeader/MessageRecipient")),
        is_test=is_true(text(root, "IsTestFlag")),
        count=int(count) if count and count.isdecimal() else None,
        entries=tuple(_entry(element) for element in root.findall("MessageInBatch")),
    )


def compare(
    manifest: Manifest, messages: Collection[str], files: Collection[str], batch: str
) -> Found:
    """Hold a manifest against a batch's `messages`, and all its `files`, which it may name too.

    `batch` is the name of its folder, which URLs may begin with.
    """
    present = {*messages, *files}
    named: dict[str, Entry] = {}
    missing = []
    notes = []
    for entry in manifest.entries:
        path = _resolve(entry.url, present, batch)
        if path is None:
            missing.append(entry)
        elif path in named:
            notes.append(f"the manifest names {path} twice")
        else:
            named[path] = entry
    unnamed = () if manifest.is_bare else tuple(sorted(set(messages) - set(named)))
    if manifest.count is None and not manifest.is_bare:
        notes.append("the manifest's NumberOfMessages is no number")
    elif manifest.count is not None and manifest.count != len(manifest.entries):
        notes.append(
            f"the manifest tells of {manifest.count} messages and names {len(manifest.entries)}"
        )
    return Found(named, tuple(missing), unnamed, tuple(notes))


def hash_note(entry: Entry, path: Path) -> str | None:
    """What is wrong with a message's hash sum, in hexadecimal digits or base64; None if nothing.

    Raises OSError.
    """
    if not entry.hash_sum:
        return None
    return sum_note(entry.algorithm, entry.hash_sum, path, "manifest")


def sum_note(said: str | None, hash_sum: str, path: Path, by: str) -> str | None:
    """What is wrong with a file's hash sum of the algorithm `said`, which a `by` tells of.

    The file is read in pieces. Raises OSError.
    """
    algorithm = re.sub(r"[^a-z0-9]", "", (said or "md5").lower())
    if algorithm not in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"):
        return f"its hash sum isn't checked: algorithm {said} is not known"
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, algorithm).digest()
    if actual in _digests(hash_sum):
        return None
    return f"its {said or 'MD5'} sum is {actual.hex()}, the {by} says {hash_sum}"


def _digests(written: str) -> set[bytes]:
    """What a hash sum may mean."""
    value = "".join(written.split())
    found = set()
    for decode in (bytes.fromhex, lambda v: base64.b64decode(v, validate=True)):
        try:
            found.add(decode(value))
        except (ValueError, binascii.Error):
            continue
    return found


def _resolve(url: str, present: Collection[str], batch: str) -> str | None:
    """The file of a batch that a URL means: relative to the batch, to its parent, or absolute."""
    parts = [p for p in unquote(urlsplit(url.strip()).path).split("/") if p not in ("", ".")]
    if ".." in parts:
        return None
    for start in range(len(parts)):
        if start and parts[start - 1] != batch and "://" not in url and not url.startswith("/"):
            break
        if (path := "/".join(parts[start:])) in present:
            return path
    return None


def _version(root: Element) -> int | None:
    found = [_VERSION.search(uri) for uri in root.nsmap.values()]
    return next((int(match[1]) for match in found if match), None)


def _party(element: Element | None) -> Party:
    if element is None:
        return Party()
    name = text(element, "PartyName/FullName") or text(element, "TradingName")
    return Party(text(element, "PartyId"), name)


def _entry(element: Element) -> Entry:
    return Entry(
        url=text(element, "URL") or "",
        message_id=text(element, "MessageId"),
        message_type=text(element, "MessageType"),
        hash_sum=text(element, "HashSum/HashSum") or text(element, "HashSum/HashSumValue"),
        algorithm=text(element, "HashSum/HashSumAlgorithmType")
        or text(element, "HashSum/Algorithm"),
    )

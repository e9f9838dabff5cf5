"""A whole message: read, judged, and turned into statements about releases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from lxml.etree import _Element as Element

from adapters.ingestion.ern import releases
from adapters.ingestion.ern.contents import references
from adapters.ingestion.ern.document import Take, nodes, parse
from adapters.ingestion.ern.header import PURGE, Header
from adapters.ingestion.ern.header import read as read_header
from adapters.ingestion.ern.parties import Parties
from adapters.ingestion.ern.reading import thinned
from adapters.ingestion.ern.releases import Release
from adapters.ingestion.ern.rows import Rows, identifiers
from adapters.ingestion.ern.statement import ReleaseStatement, Teller
from adapters.ingestion.ern.terms import Dealt
from domain.failures import Unusable
from domain.identifiers import Identifier

Tell = Callable[[Mapping[str, str]], list[ReleaseStatement]]


@dataclass(frozen=True)
class Message:
    """What one message says."""

    header: Header
    parties: Rows
    """Who is named: party, artist, label, licensor and identifier rows."""
    statements: list[ReleaseStatement] = field(default_factory=list)
    """Of a NewReleaseMessage: one for each main release."""
    purged: list[list[Identifier]] = field(default_factory=list)
    """Of a PurgeReleaseMessage: all numbers of each release that goes."""
    tell: Tell | None = None
    """Tells the same statements under other ids: by itself → as the release is known."""
    notes: list[str] = field(default_factory=list)
    """What is odd but did not hinder."""


def read(content: bytes | BinaryIO, most_bytes: int) -> Message:
    """Read a message of any 3.x or 4.x version. Raises Unusable, with the reason."""
    dealt = Dealt()
    root = _root(content, most_bytes, dealt)
    header = read_header(root)
    parties = Parties(root, header)
    notes = (
        [f"sender {header.sender.raw}: {header.sender.validation_error}"]
        if header.sender.validation_error
        else []
    )
    if header.root == PURGE:
        purged = [ids for holder in root.iter("ReleaseId") if (ids := identifiers([holder]))]
        if not purged:
            raise Unusable("no release id: PurgedRelease/ReleaseId is missing or empty")
        return Message(header, parties.rows, purged=purged, notes=notes)
    found = releases.read(root)
    teller = Teller(root, header, parties, dealt)
    _refuse_dangling(found, teller, set(dealt.of_release))
    notes += [
        f"resource reference {reference.partition('~')[0]} is used twice"
        for reference in teller.recordings
        if "~" in reference
    ]
    statements = teller.statements(found)
    return Message(
        header,
        parties.rows,
        statements,
        tell=lambda names: teller.statements(found, names),
        notes=notes,
    )


def _root(content: bytes | BinaryIO, most_bytes: int, dealt: Dealt) -> Element:
    """The message without its deals; of resources and releases what is read of them."""
    held: dict[str, list[Element]] = {"ResourceList": [], "ReleaseList": []}

    def hold(name: str) -> Take:
        def take(element: Element) -> int:
            held[name].append(thinned(element))
            return nodes(element)

        return take

    lists = {"DealList": dealt.add, **{name: hold(name) for name in held}}
    root = parse(content, most_bytes, lists=lists)
    for name, elements in held.items():
        if (section := root.find(name)) is not None:
            section.extend(elements)
    return root


def _refuse_dangling(found: list[Release], teller: Teller, dealt: set[str]) -> None:
    """A message that refers to what isn't in it can't be read whole. Raises Unusable.

    One without any resource is an update that leaves them out.
    """
    for release in found if teller.resources else []:
        if missing := references(release.element) - teller.resources:
            raise Unusable(
                f"{release.name} refers to {_some(missing)}, which is not in the message"
            )
    if missing := dealt - {release.reference for release in found}:
        raise Unusable(f"a deal refers to release {_some(missing)}, which is not in the message")


def _some(missing: set[str]) -> str:
    return ", ".join(sorted(missing)[:5])

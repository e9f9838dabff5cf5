"""A whole message: read, judged, and turned into statements about releases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from adapters.ingestion.ern import deals, releases
from adapters.ingestion.ern.contents import references
from adapters.ingestion.ern.document import parse
from adapters.ingestion.ern.header import PURGE, Header
from adapters.ingestion.ern.header import read as read_header
from adapters.ingestion.ern.parties import Parties
from adapters.ingestion.ern.releases import Release
from adapters.ingestion.ern.rows import Rows, identifiers
from adapters.ingestion.ern.statement import ReleaseStatement, Teller
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


def read(content: bytes, most_bytes: int) -> Message:
    """Read a message of any 3.x or 4.x version. Raises Unusable, with the reason."""
    root = parse(content, most_bytes)
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
    teller = Teller(root, header, parties)
    _refuse_dangling(found, teller, set(deals.by_release(root)))
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

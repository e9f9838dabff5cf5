"""A message's header: who says it, and when."""

from dataclasses import dataclass
from datetime import datetime

from lxml.etree import _Element as Element

from adapters.ingestion.ern.reading import instant, is_true, text
from adapters.ingestion.ern.rows import as_part
from domain.failures import Unusable
from domain.identifiers import Identifier, identify

NEW_RELEASE = "NewReleaseMessage"
PURGE = "PurgeReleaseMessage"


@dataclass(frozen=True)
class Represented:
    """A party for which the sender speaks."""

    id: Identifier | None
    name: str | None


@dataclass(frozen=True)
class Header:
    """What is common to all messages."""

    root: str
    """NewReleaseMessage or PurgeReleaseMessage."""
    sender: Identifier
    """The sender's DPID, which may be invalid."""
    sender_name: str | None
    other_ids: tuple[Identifier, ...]
    """Other numbers of the sender's; they identify nobody."""
    behalf: "Represented | None"
    """On whose behalf the sender sends: the licensor (MessageHeader/SentOnBehalfOf)."""
    is_test: bool
    """A TestMessage is validated, and changes nothing (MessageControlType)."""
    created_at: datetime
    """Orders the messages of all releases."""
    message_id: str | None
    thread_id: str | None
    version: str | None
    """As the message says: `ern/382` from its attribute, else the end of its namespace."""

    @property
    def kind(self) -> str:
        """ern-new-release or ern-purge."""
        return "ern-new-release" if self.root == NEW_RELEASE else "ern-purge"

    @property
    def prefix(self) -> str:
        """Before all ids of the sender's: `PADPIDA2007050901U:`."""
        return f"{as_part(self.sender.value)}:"


def read(root: Element) -> Header:
    """The header of a parsed message. Raises Unusable."""
    name = str(root.tag)
    if name not in (NEW_RELEASE, PURGE):
        raise Unusable(f"the root element is {name}, not {NEW_RELEASE} or {PURGE}")
    sender = root.find("MessageHeader/MessageSender")
    ids = _ids(sender)
    if not ids:
        raise Unusable("no sender: MessageHeader/MessageSender/PartyId is missing or empty")
    created = text(root, "MessageHeader/MessageCreatedDateTime")
    created_at = instant(created) if created else None
    if created_at is None:
        raise Unusable(f"MessageCreatedDateTime {created!r} orders messages and is no date")
    return Header(
        root=name,
        sender=ids[0],
        other_ids=tuple(ids[1:]),
        behalf=_represented(root.find("MessageHeader/SentOnBehalfOf")),
        is_test=text(root, "MessageHeader/MessageControlType") == "TestMessage",
        sender_name=text(sender, "PartyName/FullName"),
        created_at=created_at,
        message_id=text(root, "MessageHeader/MessageId"),
        thread_id=text(root, "MessageHeader/MessageThreadId"),
        version=_version(root),
    )


def _ids(party: Element | None) -> list[Identifier]:
    """A party's numbers, its DPID first: that is who it is, whatever else stands beside it.

    In 3.x a party may have several PartyIds; a DPID is told by IsDPID or by its form, however it
    is spelled (the ERN XSDs, PartyId).
    """
    elements = [] if party is None else party.findall("PartyId")
    written = [(e, raw) for e in elements if (raw := " ".join((e.text or "").split()))]
    found = [(is_dpid(e, raw), e, raw) for e, raw in written]
    first = next((f for f in found if f[0]), found[0] if found else None)
    if first is None:
        return []
    others = [identify("proprietary", raw, e.get("Namespace")) for f in found if f is not first
              for _, e, raw in [f]]  # fmt: skip
    return [identify("dpid", first[2]), *others]


def is_dpid(element: Element, raw: str) -> bool:
    """Whether a PartyId is a DDEX Party Id, with a right check character or a wrong one."""
    return is_true(element.get("IsDPID")) or identify("dpid", raw).value.startswith("PADPIDA")


def _represented(party: Element | None) -> Represented | None:
    ids, name = _ids(party), text(party, "PartyName/FullName")
    return Represented(ids[0] if ids else None, name) if ids or name else None


def _version(root: Element) -> str | None:
    if said := root.get("MessageSchemaVersionId"):
        return said.strip("/")
    namespaces = [uri for uri in root.nsmap.values() if "/ern/" in uri]
    return namespaces[0].partition("/xml/")[2] if namespaces else None

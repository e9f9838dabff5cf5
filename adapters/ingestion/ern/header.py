"""A message's header: who says it, and when."""

from dataclasses import dataclass
from datetime import datetime

from lxml.etree import _Element as Element

from adapters.ingestion.ern.document import Unusable
from adapters.ingestion.ern.reading import instant, text
from adapters.ingestion.ern.rows import as_part
from domain.identifiers import Identifier, identify

NEW_RELEASE = "NewReleaseMessage"
PURGE = "PurgeReleaseMessage"


@dataclass(frozen=True)
class Header:
    """What is common to all messages."""

    root: str
    """NewReleaseMessage or PurgeReleaseMessage."""
    sender: Identifier
    """The sender's DPID, which may be flawed."""
    sender_name: str | None
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
    party = text(sender, "PartyId")
    if party is None:
        raise Unusable("no sender: MessageHeader/MessageSender/PartyId is missing or empty")
    created = text(root, "MessageHeader/MessageCreatedDateTime")
    created_at = instant(created) if created else None
    if created_at is None:
        raise Unusable(f"MessageCreatedDateTime {created!r} orders messages and is no date")
    return Header(
        root=name,
        sender=identify("dpid", party),
        sender_name=text(sender, "PartyName/FullName"),
        created_at=created_at,
        message_id=text(root, "MessageHeader/MessageId"),
        thread_id=text(root, "MessageHeader/MessageThreadId"),
        version=_version(root),
    )


def _version(root: Element) -> str | None:
    if said := root.get("MessageSchemaVersionId"):
        return said.strip("/")
    namespaces = [uri for uri in root.nsmap.values() if "/ern/" in uri]
    return namespaces[0].partition("/xml/")[2] if namespaces else None

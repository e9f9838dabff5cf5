"""Answers to senders: for each message whether it was taken in, or why not.

Which message answers depends on the version of the choreography that the manifest is of: up to 1.6
an FtpAcknowledgementMessage (dictionary: ern-c:FtpAcknowledgementMessage, ern-c:AcknowledgedFile),
in 1.7 an ErnAcknowledgementStatusMessage (ECHO17: ern-c-ws:ReleaseStatus and Acknowledgement),
from 1.8, and where nothing tells a version, an AcknowledgementMessage of the same parts (the XSD
`ern-c-sftp/18`). Values of the status are those of avs:ErncFileStatus. Names and place: "File
Naming Convention" and "SFTP Server Organisation" (kb.ddex.net, ECHO17FTP).
"""

import posixpath
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from adapters.ingestion.batches import batch_id
from adapters.ingestion.inbox.store import ACKNOWLEDGEMENTS

ACCEPTED = frozenset({"applied", "known", "superseded", "test"})
"""States of a message of which nothing was refused."""
_NEWEST = 18
_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)")


@dataclass(frozen=True)
class Answer:
    """What is answered about one message. The same values make the same bytes."""

    name: str
    """Where it is put, in the inbox; see `file_name`."""
    batch: str
    """Path of the batch in its inbox."""
    path: str
    """Of the message in its batch."""
    status: str
    at: datetime
    reason: str | None = None
    message_id: str | None = None
    kind: str | None = None
    choreography: int | None = None
    sender: str | None = None
    """Who sent the batch: to whom the answer goes."""
    sender_name: str | None = None
    recipient: str | None = None
    """Who answers."""

    @property
    def release(self) -> str:
        """ReleaseId: the name of the folder that holds the message, else of its file."""
        folder = posixpath.basename(posixpath.dirname(self.path))
        return folder or posixpath.splitext(posixpath.basename(self.path))[0]

    @property
    def file_status(self) -> str:
        """In the words of avs:ErncFileStatus."""
        if self.status in ACCEPTED:
            return "FileOK"
        return "ErnMissing" if self.status == "missing" else "NewReleaseMessageInvalid"


def file_name(batch: str, delivery: int, path: str) -> str:
    """Where the answer to a message is put, in the inbox: ACK_<BatchId>_<ReleaseId>.xml."""
    parts = (path.rpartition(".")[0] or path).split("/")
    short = parts[:-1] if len(parts) > 1 and parts[-1] == parts[-2] else parts
    again = f".{delivery}" if delivery > 1 else ""
    file = f"ACK_{batch_id(batch)}{again}_{'_'.join(short)}.xml"
    return posixpath.join(ACKNOWLEDGEMENTS, posixpath.dirname(batch), file)


def write(answer: Answer) -> bytes:
    """The acknowledgement as XML."""
    version = answer.choreography or _NEWEST
    root = _ftp(answer, version) if version <= 16 else _status(answer, version)
    etree.indent(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _ftp(answer: Answer, version: int) -> etree._Element:
    namespace = f"ern-c-sftp/{version}" if version == 16 else "ern-c/14"
    root = _root("FtpAcknowledgementMessage", namespace, MessageVersionId=f"{version / 10:.1f}")
    _header(root, answer)
    file = etree.SubElement(root, "AcknowledgedFile")
    _add(file, "ReleaseId", answer.release)
    match = _DATE.match(batch_id(answer.batch))
    _add(file, "Date", "-".join(match.groups()) if match else answer.at.strftime("%Y-%m-%d"))
    _add(root, "FileStatus", answer.file_status)
    _add_problem(root, answer)
    return root


def _status(answer: Answer, version: int) -> etree._Element:
    name = "ErnAcknowledgementStatusMessage" if version == 17 else "AcknowledgementMessage"
    root = _root(name, f"ern-c-sftp/{version}")
    if version > 17:
        root.set("AvsVersionId", "4")
    header = _header(root, answer)
    number = etree.Element("MessageId")
    number.text = posixpath.splitext(posixpath.basename(answer.name))[0]
    header.insert(0, number)
    release = etree.SubElement(root, "ReleaseStatus")
    _release_id(etree.SubElement(release, "ReleaseId"), answer)
    is_accepted = answer.status in ACCEPTED
    told = "SuccessfullyIngested" if is_accepted else "ProcessingError"
    by = "ByReleaseDistributor" if is_accepted else "AtReleaseDistributor"
    _add(release, "ReleaseStatus", told + by)
    _add_problem(release, answer)
    acknowledgement = etree.SubElement(release, "Acknowledgement")
    is_purge = answer.kind == "ern-purge"
    _add(acknowledgement, "MessageType", "PurgeReleaseMessage" if is_purge else "NewReleaseMessage")
    _add(acknowledgement, "BatchId", batch_id(answer.batch))
    _add(acknowledgement, "MessageId", answer.message_id or answer.release)
    status = etree.SubElement(acknowledgement, "MessageStatus")
    _add(status, "Status", answer.file_status)
    if answer.reason is not None:
        _add(status, "Information", answer.reason)
    return root


def _root(name: str, namespace: str, **attributes: str) -> etree._Element:
    uri = f"http://ddex.net/xml/{namespace}"
    return etree.Element(f"{{{uri}}}{name}", attributes, nsmap={"ern-c": uri})


def _header(root: etree._Element, answer: Answer) -> etree._Element:
    header = etree.SubElement(root, "MessageHeader")
    parties = (
        ("MessageSender", answer.recipient, None),
        ("MessageRecipient", answer.sender, answer.sender_name),
    )
    for role, dpid, name in parties:
        party = etree.SubElement(header, role)
        _add(party, "PartyId", dpid or "unknown")
        if name is not None:
            _add(etree.SubElement(party, "PartyName"), "FullName", name)
    at = answer.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    _add(header, "MessageCreatedDateTime", at)
    return header


def _add_problem(parent: etree._Element, answer: Answer) -> None:
    if answer.status not in ACCEPTED:
        _add(parent, "ErrorText", answer.reason or answer.status)
        _add(parent, "ManualCheckRequired", "true")


def _release_id(parent: etree._Element, answer: Answer) -> None:
    number = answer.release
    if re.fullmatch(r"A1[A-Z0-9]{16}", number):
        _add(parent, "GRid", number)
    elif re.fullmatch(r"[0-9]{12,14}", number):
        _add(parent, "ICPN", number)
    else:
        _add(parent, "ProprietaryId", number).set("Namespace", answer.sender or "unknown")


def _add(parent: etree._Element, name: str, text: str) -> etree._Element:
    element = etree.SubElement(parent, name)
    element.text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return element

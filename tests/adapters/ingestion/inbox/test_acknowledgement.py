"""Answers in the form of each version of the choreography."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import etree

from adapters.ingestion.inbox.acknowledgement import Answer, file_name, write

ANSWER = Answer(
    name="acknowledgements/ACK_20260101_299000009001.xml",
    batch="P_20260101",
    path="299000009001/299000009001.xml",
    status="applied",
    at=datetime(2026, 1, 2, tzinfo=UTC),
    message_id="M1",
    sender="PADPIDA202601170LU",
    recipient="PADPIDA2013121906V",
)


@pytest.mark.parametrize(
    ("version", "root"),
    [
        (12, "{http://ddex.net/xml/ern-c/14}FtpAcknowledgementMessage"),
        (16, "{http://ddex.net/xml/ern-c-sftp/16}FtpAcknowledgementMessage"),
        (17, "{http://ddex.net/xml/ern-c-sftp/17}ErnAcknowledgementStatusMessage"),
        (18, "{http://ddex.net/xml/ern-c-sftp/18}AcknowledgementMessage"),
        (None, "{http://ddex.net/xml/ern-c-sftp/18}AcknowledgementMessage"),
    ],
)
def test_the_version_decides_the_form(version: int | None, root: str) -> None:
    written = write(replace(ANSWER, choreography=version))
    assert etree.fromstring(written).tag == root
    assert written == write(replace(ANSWER, choreography=version))
    assert b"FileOK" in written
    assert b"ErrorText" not in written


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("superseded", "FileOK"),
        ("test", "FileOK"),
        ("missing", "ErnMissing"),
        ("quarantined", "NewReleaseMessageInvalid"),
        ("refused", "NewReleaseMessageInvalid"),
    ],
)
@pytest.mark.parametrize("version", [14, 17])
def test_what_is_told(status: str, told: str, version: int) -> None:
    answer = replace(ANSWER, status=status, choreography=version, reason="a \x00 <reason>")
    root = etree.fromstring(write(answer))
    assert told in [element.text for element in root.iter("FileStatus", "Status")]
    assert (root.find(".//ErrorText") is not None) == (told != "FileOK")


@pytest.mark.parametrize(
    ("folder", "element"),
    [("A10302B0003933495X", "GRid"), ("299000009001", "ICPN"), ("R-7", "ProprietaryId")],
)
def test_a_release_is_named_by_its_folder(folder: str, element: str) -> None:
    root = etree.fromstring(write(replace(ANSWER, path=f"{folder}/x.xml")))
    assert root.findtext(f"ReleaseStatus/ReleaseId/{element}") == folder


def test_names_of_answers() -> None:
    assert file_name("P_20260101", 1, "1/1.xml") == "acknowledgements/ACK_20260101_1.xml"
    assert file_name("20260101", 2, "1/2.xml") == "acknowledgements/ACK_20260101.2_1_2.xml"
    assert file_name("label/20260101", 1, "1.xml") == "acknowledgements/label/ACK_20260101_1.xml"


PARTY: dict[str, Any] = {"PartyId": {}, "PartyName": {"FullName": {}}}
FTP_HEADER = {"MessageSender": PARTY, "MessageRecipient": PARTY, "MessageCreatedDateTime": {}}
FTP: dict[str, Any] = {
    "MessageHeader": FTP_HEADER,
    "AcknowledgedFile": {"ReleaseId": {}, "Date": {}},
    "FileStatus": {},
    "ErrorText": {},
    "ProposedActionType": {},
    "ManualCheckRequired": {},
}
"""ddex.net/dd: ern-c_FtpAcknowledgementMessage, ern-c_AcknowledgedFile, ddexC_FtpMessageHeader."""
STATUS: dict[str, Any] = {
    "MessageHeader": {"MessageThreadId": {}, "MessageId": {}, "MessageFileName": {}, **FTP_HEADER},
    "ReleaseStatus": {
        "ReleaseId": {"GRid": {}, "ICPN": {}, "CatalogNumber": {}, "ProprietaryId": {}},
        "ReleaseStatus": {},
        "ErrorText": {},
        "ProposedActionType": {},
        "ManualCheckRequired": {},
        "Acknowledgement": {
            "MessageType": {},
            "BatchId": {},
            "MessageId": {},
            "MessageStatus": {"Status": {}, "Information": {}},
        },
    },
}
"""ddex.net/dd/ECHO17: ern-c-ws_ReleaseStatus, ern-c-ws_Acknowledgement; ern-c-ws_MessageStatus; the
XSD ern-c-sftp/18, whose MessageHeader wants a MessageId."""
DOCUMENTED = {14: FTP, 16: FTP, 17: STATUS, 18: STATUS}
"""Version of the choreography → elements in their order, of the parts that we write."""
WANTED = {
    "MessageId", "MessageSender", "MessageRecipient", "PartyId", "MessageCreatedDateTime",
    "AcknowledgedFile", "FileStatus", "ReleaseId", "MessageType", "MessageStatus", "Status",
}  # fmt: skip
"""Elements that must be there wherever their parent knows them."""
ATTRIBUTES: dict[int, set[str]] = {
    14: {"MessageVersionId"},
    16: {"MessageVersionId"},
    17: set(),
    18: {"AvsVersionId"},
}


def assert_documented(element: etree._Element, documented: dict[str, Any]) -> None:
    names = [str(child.tag) for child in element]
    order = [name for name in documented if name in names]
    assert names == order, f"{element.tag!r}: {names}, documented: {list(documented)}"
    assert WANTED & set(documented) <= set(names)
    for child in element:
        assert_documented(child, documented[str(child.tag)])


@pytest.mark.parametrize("status", ["applied", "quarantined", "missing"])
@pytest.mark.parametrize("folder", ["A10302B0003933495X", "299000009001", "R-7"])
@pytest.mark.parametrize("version", DOCUMENTED)
def test_elements_are_the_documented_ones_in_their_order(
    version: int, folder: str, status: str
) -> None:
    answer = replace(
        ANSWER, path=f"{folder}/x.xml", status=status, reason="why", sender_name="A label",
        choreography=version, kind="ern-purge",
    )  # fmt: skip
    root = etree.fromstring(write(answer))
    documented = DOCUMENTED[version]
    if version > 16:
        kind = root.find("ReleaseStatus/ReleaseId")
        assert kind is not None
        assert len(kind) == 1
    assert_documented(root, documented)
    assert set(root.attrib) == ATTRIBUTES[version]

"""Answers in the form of each version of the choreography."""

from dataclasses import replace
from datetime import UTC, datetime

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

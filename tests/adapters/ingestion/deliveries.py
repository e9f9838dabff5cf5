"""Batches as labels deliver them, written here."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from tests.adapters.ingestion.messages import SENDER

RECIPIENT = "PADPIDA2013121906V"


def manifest(
    messages: Mapping[str, str], *, namespace: str = "ern-c-sftp/17", count: int | None = None,
    sums: Mapping[str, str] | None = None, is_test: bool = False,
) -> bytes:  # fmt: skip
    """A manifest that names messages: URL → MessageId."""
    entries = "".join(
        f"""<MessageInBatch><MessageType>NewReleaseMessage</MessageType><MessageId>{number}</MessageId>
        <URL>{url}</URL>{_sum((sums or {}).get(url))}</MessageInBatch>"""
        for url, number in messages.items()
    )
    return f"""<?xml version="1.0"?><c:ManifestMessage xmlns:c="http://ddex.net/xml/{namespace}">
    <MessageHeader><MessageSender><PartyId>{SENDER}</PartyId></MessageSender>
    <MessageRecipient><PartyId>{RECIPIENT}</PartyId></MessageRecipient>
    <MessageCreatedDateTime>2026-01-01T12:00:00Z</MessageCreatedDateTime></MessageHeader>
    <IsTestFlag>{str(is_test).lower()}</IsTestFlag><RootDirectory>/</RootDirectory>
    <NumberOfMessages>{len(messages) if count is None else count}</NumberOfMessages>
    {entries}</c:ManifestMessage>""".encode()


def _sum(value: str | None) -> str:
    if value is None:
        return ""
    algorithm = "<HashSumAlgorithmType>MD5</HashSumAlgorithmType>"
    return f"<HashSum><HashSum>{value}</HashSum>{algorithm}</HashSum>"


def write_batch(
    folder: Path, messages: Mapping[str, bytes], *, namespace: str = "ern-c-sftp/17",
    is_test: bool = False, complete: bool = True,
) -> Path:  # fmt: skip
    """A batch folder: release id → its message; the manifest comes last."""
    for release, content in messages.items():
        inside = folder / release
        inside.mkdir(parents=True, exist_ok=True)
        (inside / f"{release}.xml").write_bytes(content)
    if complete:
        (folder / f"BatchComplete_{folder.name}.xml").write_bytes(
            manifest(
                {f"{release}/{release}.xml": f"M{release}" for release in messages},
                namespace=namespace,
                is_test=is_test,
                sums={
                    f"{release}/{release}.xml": hashlib.md5(
                        content, usedforsecurity=False
                    ).hexdigest()
                    for release, content in messages.items()
                },
            )
        )
    return folder

"""The record of what was taken in, and the quarantine of what could not be."""

from dataclasses import asdict, dataclass
from datetime import datetime

import psycopg

from domain.failures import bounded

MOST_BYTES_KEPT = 64 << 20
"""Of one input in quarantine; PostgreSQL could keep 1 GB, and nobody would read it."""


@dataclass(frozen=True, kw_only=True)
class MessageRow:
    """A feed file or ERN message, as the `ern_message` table keeps it."""

    id: str
    kind: str
    source: str
    sha256: str
    status: str
    sender_dpid: str | None = None
    thread_id: str | None = None
    sender_message_id: str | None = None
    created_at: datetime | None = None
    ern_version: str | None = None
    verdict: str | None = None
    content: bytes | None = None


def status_of(connection: psycopg.Connection, message: str) -> str | None:
    """How far the message came: begun, applied, superseded; None if it was never seen."""
    row = connection.execute("SELECT status FROM ern_message WHERE id = %s", (message,)).fetchone()
    return None if row is None else row[0]


def record(connection: psycopg.Connection, row: MessageRow) -> None:
    """Keep or renew the record of a message."""
    connection.execute(
        "INSERT INTO ern_message (id, kind, source, sha256, status, sender_dpid, thread_id,"
        " sender_message_id, created_at, ern_version, verdict, content, message_id)"
        " VALUES (%(id)s, %(kind)s, %(source)s, %(sha256)s, %(status)s, %(sender_dpid)s,"
        " %(thread_id)s, %(sender_message_id)s, %(created_at)s, %(ern_version)s, %(verdict)s,"
        " %(content)s, %(id)s) ON CONFLICT (id) DO UPDATE SET status = excluded.status,"
        " verdict = excluded.verdict, content = excluded.content, updated_at = now()"
        " WHERE (ern_message.status, ern_message.verdict, ern_message.content)"
        " IS DISTINCT FROM (excluded.status, excluded.verdict, excluded.content)",
        {**asdict(row), "source": bounded(row.source)},
    )


def quarantine(
    connection: psycopg.Connection,
    *,
    source: str,
    sha256: str,
    line: int | None,
    reason: str,
    content: bytes,
    message: str | None = None,
) -> None:
    """Keep an input that can't be taken in, whole; the same one again is kept once."""
    connection.execute(
        "INSERT INTO quarantine (id, source, sha256, line, reason, content, message_id)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE"
        " SET reason = excluded.reason, updated_at = now()"
        " WHERE quarantine.reason IS DISTINCT FROM excluded.reason",
        (
            sha256 if line is None else f"{sha256}:{line}",
            bounded(source),
            sha256,
            line,
            bounded(reason),
            content[:MOST_BYTES_KEPT],
            message,
        ),
    )


def quarantined(connection: psycopg.Connection, sha256: str) -> list[tuple[int | None, str]]:
    """Line and reason of what waits in quarantine from a file, in file order."""
    return connection.execute(
        "SELECT line, reason FROM quarantine WHERE sha256 = %s ORDER BY line", (sha256,)
    ).fetchall()


def release_from_quarantine(connection: psycopg.Connection, sha256: str) -> None:
    """Forget what a file had in quarantine: it is taken in anew."""
    connection.execute("DELETE FROM quarantine WHERE sha256 = %s", (sha256,))

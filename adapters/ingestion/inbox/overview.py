"""What came into inboxes and what became of it: for the dashboard."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True)
class BatchLine:
    """A delivery of a batch."""

    id: int
    inbox: str
    path: str
    delivery: int
    status: str
    reason: str | None
    sender: str | None
    sender_name: str | None
    is_test: bool
    notes: list[str] | None
    seen_at: datetime
    begun_at: datetime | None
    done_at: datetime | None
    messages: int
    decided: int
    refused: int
    """quarantined, missing or refused."""
    flagged: int
    """Messages of which something odd was noted."""
    answered: int


@dataclass(frozen=True)
class MessageLine:
    """A message of a batch."""

    path: str
    message_id: str | None
    kind: str | None
    status: str
    """As when it came; superseded also where a later message superseded it."""
    reason: str | None
    notes: list[str] | None
    flagged: int | None
    taken_at: datetime | None
    acknowledgement: str | None
    acknowledged_at: datetime | None
    superseded_by: str | None


@dataclass(frozen=True)
class Waiting:
    """What is in quarantine."""

    source: str | None
    line: int | None
    reason: str | None
    since: datetime


_REFUSED = "('quarantined', 'missing', 'refused')"
_BATCHES = f"""
SELECT b.id, b.inbox, b.path, b.delivery, b.status, b.reason, b.sender, b.sender_name, b.is_test,
  b.notes, b.seen_at, b.begun_at, b.done_at, count(m.path) AS messages,
  count(*) FILTER (WHERE m.status <> 'planned') AS decided,
  count(*) FILTER (WHERE m.status IN {_REFUSED}) AS refused,
  count(*) FILTER (WHERE m.flagged > 0) AS flagged, count(m.acknowledged_at) AS answered
FROM inbox_batch b LEFT JOIN inbox_message m ON m.batch = b.id
"""


def batches(connection: psycopg.Connection, before: int | None, limit: int) -> list[BatchLine]:
    """Batches, the newest first, from the one before number `before` on."""
    with connection.cursor(row_factory=class_row(BatchLine)) as cursor:
        return cursor.execute(
            f"{_BATCHES} WHERE b.id IN (SELECT id FROM inbox_batch"
            " WHERE %(before)s::bigint IS NULL OR id < %(before)s ORDER BY id DESC LIMIT %(limit)s)"
            " GROUP BY b.id ORDER BY b.id DESC",
            {"before": before, "limit": limit},
        ).fetchall()


def batch(connection: psycopg.Connection, number: int) -> BatchLine | None:
    """One batch."""
    with connection.cursor(row_factory=class_row(BatchLine)) as cursor:
        return cursor.execute(f"{_BATCHES} WHERE b.id = %s GROUP BY b.id", (number,)).fetchone()


def messages(
    connection: psycopg.Connection, number: int, after: int, limit: int
) -> list[MessageLine]:
    """Messages of a batch: first those that weren't accepted, then flagged ones, then in order."""
    with connection.cursor(row_factory=class_row(MessageLine)) as cursor:
        return cursor.execute(
            "SELECT m.path, m.message_id, m.kind, m.reason, m.notes, m.flagged, m.taken_at,"
            " m.acknowledgement, m.acknowledged_at, CASE WHEN m.status = 'applied'"
            " AND e.status = 'superseded' THEN e.status ELSE m.status END AS status,"
            " CASE WHEN e.status = 'superseded' AND e.message_id <> e.id THEN e.message_id END"
            " AS superseded_by FROM inbox_message m LEFT JOIN LATERAL (SELECT * FROM ern_message e"
            " WHERE e.sha256 = m.sha256 ORDER BY e.updated_at DESC LIMIT 1) e ON true"
            f" WHERE m.batch = %s ORDER BY m.status IN {_REFUSED} DESC,"
            " coalesce(m.flagged, 0) > 0 DESC, m.position OFFSET %s LIMIT %s",
            (number, after, limit),
        ).fetchall()


def quarantine(connection: psycopg.Connection, limit: int) -> list[Waiting]:
    """What could not be taken in, the latest first."""
    with connection.cursor(row_factory=class_row(Waiting)) as cursor:
        return cursor.execute(
            "SELECT source, line, reason, updated_at AS since FROM quarantine"
            " ORDER BY updated_at DESC LIMIT %s",
            (limit,),
        ).fetchall()

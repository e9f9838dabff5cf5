"""What is known of the batches of inboxes: all SQL on the tables of inboxes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row, dict_row

from adapters.ingestion.inbox.acknowledgement import Answer
from adapters.ingestion.report import FileReport
from domain.failures import bounded


@dataclass(frozen=True)
class BatchRow:
    """A delivery of a batch, as it is kept."""

    id: int
    path: str
    delivery: int
    status: str
    marker: str | None
    is_test: bool = False


@dataclass(frozen=True)
class Planned:
    """A message that a batch has, or names in vain."""

    path: str
    message_id: str | None
    acknowledgement: str
    why_not: str | None = None
    """Why it can't be taken in, where that is known before it is looked at."""
    status: str = "planned"


@dataclass(frozen=True)
class BatchHeader:
    """What a manifest says of a whole batch."""

    sender: str | None = None
    sender_name: str | None = None
    recipient: str | None = None
    choreography: int | None = None
    is_test: bool = False
    notes: tuple[str, ...] = ()


_PREDECESSOR = "2s"
"""How long the lock of a process that has just ended may outlive it."""
_BATCH = "SELECT id, path, delivery, status, marker, is_test FROM inbox_batch"


def lock(connection: psycopg.Connection, inbox: str) -> bool:
    """Keep other processes off an inbox until the connection ends; False where one works on it."""
    connection.execute("SELECT set_config('lock_timeout', %s, false)", (_PREDECESSOR,))
    try:
        connection.execute("SELECT pg_advisory_lock(hashtextextended('inbox ' || %s, 0))", (inbox,))
    except psycopg.errors.LockNotAvailable:
        return False
    finally:
        connection.execute("RESET lock_timeout")
    return True


def newest(connection: psycopg.Connection, inbox: str, path: str) -> BatchRow | None:
    """The last delivery of a batch."""
    with connection.cursor(row_factory=class_row(BatchRow)) as cursor:
        return cursor.execute(
            f"{_BATCH} WHERE inbox = %s AND path = %s ORDER BY delivery DESC LIMIT 1", (inbox, path)
        ).fetchone()


def next_delivery(connection: psycopg.Connection, inbox: str, path: str) -> int:
    """Number of a delivery that is begun now."""
    row = connection.execute(
        "SELECT 1 + coalesce(max(delivery), 0) FROM inbox_batch"
        " WHERE inbox = %s AND path = %s AND status <> 'waiting'",
        (inbox, path),
    ).fetchone()
    return 1 if row is None else row[0]


def begun(connection: psycopg.Connection, inbox: str) -> list[BatchRow]:
    """Batches that were begun and are not done, in the order in which they were."""
    with connection.cursor(row_factory=class_row(BatchRow)) as cursor:
        return cursor.execute(
            f"{_BATCH} WHERE inbox = %s AND status IN ('taking', 'acknowledged') ORDER BY id",
            (inbox,),
        ).fetchall()


def note_waiting(
    connection: psycopg.Connection, inbox: str, waiting: Mapping[str, str], gone: bool = True
) -> None:
    """Keep what lies in the inbox and why it isn't taken in yet; `gone`: forget what left."""
    with connection.transaction():
        if gone:
            connection.execute(
                "DELETE FROM inbox_batch WHERE inbox = %s AND status = 'waiting'"
                " AND path <> ALL(%s)",
                (inbox, list(waiting)),
            )
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO inbox_batch (inbox, path, delivery, status, reason)"
                " SELECT %(inbox)s, %(path)s, 1 + coalesce(max(delivery), 0), 'waiting', %(reason)s"
                " FROM inbox_batch WHERE inbox = %(inbox)s AND path = %(path)s"
                " AND status <> 'waiting'"
                " ON CONFLICT (inbox, path, delivery) DO UPDATE SET reason = excluded.reason"
                " WHERE inbox_batch.status = 'waiting'"
                " AND inbox_batch.reason IS DISTINCT FROM excluded.reason",
                [
                    {"inbox": inbox, "path": path, "reason": bounded(reason)}
                    for path, reason in waiting.items()
                ],
            )


def begin(
    connection: psycopg.Connection,
    inbox: str,
    path: str,
    marker: str,
    told: BatchHeader,
    messages: Sequence[Planned],
) -> BatchRow:
    """Keep a new delivery and all its messages, before the first is taken in."""
    with connection.transaction(), connection.cursor(row_factory=class_row(BatchRow)) as cursor:
        connection.execute(
            "DELETE FROM inbox_batch WHERE inbox = %s AND path = %s AND status = 'waiting'",
            (inbox, path),
        )
        batch = cursor.execute(
            "INSERT INTO inbox_batch (inbox, path, delivery, marker, status, sender, sender_name,"
            " recipient, choreography, is_test, notes, begun_at)"
            " SELECT %s, %s, 1 + coalesce(max(delivery), 0), %s, 'taking', %s, %s, %s, %s, %s, %s,"
            " now() FROM inbox_batch WHERE inbox = %s AND path = %s"
            " RETURNING id, path, delivery, status, marker, is_test",
            (
                *(inbox, path, marker, told.sender, told.sender_name, told.recipient),
                *(told.choreography, told.is_test, list(told.notes), inbox, path),
            ),
        ).fetchone()
        assert batch is not None  # noqa: S101 - RETURNING of one row
        cursor.executemany(
            "INSERT INTO inbox_message (batch, path, position, message_id, status, reason,"
            " acknowledgement) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                (batch.id, m.path, n, m.message_id, m.status, m.why_not, m.acknowledgement)
                for n, m in enumerate(messages)
            ],
        )
    return batch


def planned(connection: psycopg.Connection, batch: BatchRow) -> list[str]:
    """Paths of the messages that were not looked at yet, in order."""
    rows = connection.execute(
        "SELECT path FROM inbox_message WHERE batch = %s AND status = 'planned' ORDER BY position",
        (batch.id,),
    )
    return [path for (path,) in rows]


def record(
    connection: psycopg.Connection,
    batch: BatchRow,
    path: str,
    report: FileReport,
    sha256: str | None = None,
    message_id: str | None = None,
) -> None:
    """Keep what became of a message; in the transaction that took it in."""
    reasons = "; ".join(dict.fromkeys(rejected.reason for rejected in report.rejected))
    connection.execute(
        "UPDATE inbox_message SET status = %s, kind = %s, reason = %s, notes = %s, flagged = %s,"
        " sha256 = %s, message_id = coalesce(message_id, %s), taken_at = now()"
        " WHERE batch = %s AND path = %s",
        (
            *(report.status, report.kind, bounded(reasons) or None),
            *([bounded(note) for note in report.notes], report.flagged),
            *(sha256, message_id, batch.id, path),
        ),
    )


def unanswered(
    connection: psycopg.Connection, batch: BatchRow, ourselves: str | None, limit: int
) -> list[Answer]:
    """Messages whose senders have not yet heard what became of them."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "SELECT m.path, m.status, m.reason, m.message_id, m.kind, m.acknowledgement, b.path AS"
            " batch, b.begun_at, b.choreography, b.sender_name, b.recipient, coalesce(b.sender,"
            " (SELECT min(e.sender_dpid) FROM ern_message e WHERE e.sha256 = m.sha256)) AS sender"
            " FROM inbox_message m JOIN inbox_batch b ON b.id = m.batch"
            " WHERE m.batch = %s AND m.acknowledged_at IS NULL"
            " AND (m.kind IS NULL OR NOT starts_with(m.kind, 'feed-'))"
            " ORDER BY m.position LIMIT %s",
            (batch.id, limit),
        ).fetchall()
    return [
        Answer(
            name=row["acknowledgement"],
            batch=row["batch"],
            path=row["path"],
            status=row["status"],
            at=row["begun_at"],
            reason=row["reason"],
            message_id=row["message_id"],
            kind=row["kind"],
            choreography=row["choreography"],
            sender=row["sender"],
            sender_name=row["sender_name"],
            recipient=ourselves or row["recipient"],
        )
        for row in rows
    ]


def note_answered(connection: psycopg.Connection, batch: BatchRow, paths: Collection[str]) -> None:
    """The answers to these messages are written."""
    connection.execute(
        "UPDATE inbox_message SET acknowledged_at = now() WHERE batch = %s AND path = ANY(%s)",
        (batch.id, list(paths)),
    )


def note_status(connection: psycopg.Connection, batch: BatchRow, status: str) -> None:
    """How far a batch is."""
    connection.execute(
        "UPDATE inbox_batch SET status = %(status)s, reason = NULL,"
        " done_at = CASE WHEN %(status)s = 'done' THEN now() END WHERE id = %(id)s",
        {"status": status, "id": batch.id},
    )


def refused(connection: psycopg.Connection, batch: BatchRow) -> int:
    """How many messages of a batch were not accepted."""
    row = connection.execute(
        "SELECT count(*) FROM inbox_message WHERE batch = %s"
        " AND status IN ('quarantined', 'missing', 'refused')",
        (batch.id,),
    ).fetchone()
    return 0 if row is None else row[0]

"""Taking in an ERN message, in one transaction.

A message states how its releases should be: the newest full one (by MessageCreatedDateTime)
replaces all that was said before, updates that leave resources out apply to it, and what arrives
late says only what none of these does (`history`). So messages may arrive in any order and end in
the same state. Of parties, artists and labels, which many messages name, the
newest mention counts; silence about them says nothing.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain

import psycopg

from adapters.ingestion.ern import history, identity, planning, purging
from adapters.ingestion.ern.header import PURGE
from adapters.ingestion.ern.message import Message, read
from adapters.ingestion.ern.rows import as_part
from adapters.ingestion.master import messages
from adapters.ingestion.master.messages import MessageRow
from adapters.ingestion.master.writer import DesiredState, lock, write
from adapters.ingestion.report import FileReport, Rejected
from adapters.ingestion.source_file import SourceFile
from domain.failures import Unusable

AHEAD = timedelta(days=1)
"""How far a sender's clock may be ahead of ours."""


def ingest(
    connection: psycopg.Connection,
    source: SourceFile,
    report: FileReport,
    most_bytes: int,
    again: bool = False,
    *,
    is_test: bool = False,
) -> None:
    """Take a message in, and note in `report` what became of it; unusable ones are quarantined.

    `is_test`: it is of a batch of test messages (a manifest's IsTestFlag).
    """
    known = _known(connection, source.sha256, is_test=is_test)
    if known is not None and not again:
        report.kind, report.status = known, "known"
        return
    try:
        if source.size > most_bytes:
            raise Unusable(f"{source.size} bytes are more than the limit of {most_bytes}")
        with source.open() as stream:
            message = read(stream, most_bytes)
        _refuse_future(message.header.created_at)
    except Unusable as error:
        set_aside(connection, source, report, str(error))
        return
    header = message.header
    report.kind = header.kind
    report.notes += message.notes
    own_id = f"{header.prefix}{as_part(header.message_id or '')}:{source.sha256[:12]}"
    if header.is_test or is_test:
        _record_test(connection, source, message, own_id, report)
        return
    with connection.transaction():
        lock(connection)
        plan = purging.plan_purge if header.root == PURGE else planning.plan_release
        planned = plan(connection, message, own_id, report)
        planning.plan_mentions(connection, message, own_id, planned)
        desired = DesiredState(
            plain_rows={t: chain.from_iterable(parts) for t, parts in planned.rows.items()},
            owners={kind: sorted(ids) for kind, ids in planned.owners.items()},
        )
        report.changed.update(write(connection, desired, own_id))
        planning.keep_statements(connection, planned)
        history.keep(connection, planned.counting)
        for name, statement, same in planned.claims:
            identity.claim(connection, name, statement.keys, statement.weak_keys, same, own_id)
        stale = planned.superseded == len(message.statements or message.purged)
        report.status = "superseded" if stale else "applied"
        messages.release_from_quarantine(connection, source.sha256)
        row = _record_of(source, message, own_id, report)
        counts = any(part.stamp[2] == own_id for p in planned.counting.values() for part in p)
        kept = _packed(source) if counts and message.statements else None
        messages.record(connection, replace(row, content=kept))
        planning.mark_superseded(connection, planned.replaced - {own_id}, own_id)


def _packed(source: SourceFile) -> bytes:
    with source.open() as stream:
        return history.packed(stream)


def _refuse_future(created: datetime) -> None:
    """A message from the future would lock out all that its releases' sender says until then."""
    if created > datetime.now(UTC) + AHEAD:
        raise Unusable(
            f"MessageCreatedDateTime {created:%Y-%m-%dT%H:%M:%SZ} lies more than a day ahead"
        )


def _record_test(
    connection: psycopg.Connection,
    source: SourceFile,
    message: Message,
    own_id: str,
    report: FileReport,
) -> None:
    """A TestMessage is validated and reported, never published (stores' delivery guides)."""
    report.status = "test"
    report.rows = sum(len(s.owned["release"]) for s in message.statements) or len(message.purged)
    report.flagged = sum(planning.errors(statement) for statement in message.statements)
    report.notes.append("a test message: it changes nothing")
    with connection.transaction():
        messages.release_from_quarantine(connection, source.sha256)
        messages.record(connection, _record_of(source, message, own_id, report))


def _record_of(source: SourceFile, message: Message, own_id: str, report: FileReport) -> MessageRow:
    header = message.header
    return MessageRow(
        id=own_id,
        kind=header.kind,
        source=source.name,
        sha256=source.sha256,
        status=report.status,
        sender_dpid=header.sender.value,
        thread_id=header.thread_id,
        sender_message_id=header.message_id,
        created_at=header.created_at,
        ern_version=header.version,
        verdict="; ".join(report.notes) or None,
    )


def set_aside(
    connection: psycopg.Connection, source: SourceFile, report: FileReport, reason: str
) -> None:
    """Quarantine a whole file with its bytes and the reason."""
    with source.open() as stream:
        content = stream.read(messages.MOST_BYTES_KEPT)
    with connection.transaction():
        messages.quarantine(
            connection,
            source=source.name,
            sha256=source.sha256,
            line=None,
            reason=reason,
            content=content,
        )
    report.status = "quarantined"
    report.reject(Rejected(None, reason))


def _known(connection: psycopg.Connection, sha256: str, *, is_test: bool) -> str | None:
    """The kind of a message that was taken in before; as a test isn't as one that counts."""
    row = connection.execute(
        "SELECT kind FROM ern_message WHERE sha256 = %s AND starts_with(kind, 'ern-')"
        " AND (status <> 'test' OR %s)",
        (sha256, is_test),
    ).fetchone()
    return None if row is None else row[0]

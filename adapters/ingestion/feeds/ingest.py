"""Taking in a feed: chunk by chunk, each one transaction that writes only what differs.

A full feed adds and renews; it does not remove what it leaves out, since feeds are excerpts.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import psycopg

from adapters.ingestion.feeds import release, track
from adapters.ingestion.feeds.columns import Terms, text_frame
from adapters.ingestion.feeds.layout import Layout
from adapters.ingestion.feeds.records import Record, Reject, read_header, read_records
from adapters.ingestion.master import messages
from adapters.ingestion.master.messages import MessageRow
from adapters.ingestion.master.writer import DesiredState, lock, write
from adapters.ingestion.report import FileReport, Rejected, Watch
from adapters.ingestion.source_file import SourceFile
from domain.failures import Unavailable, reason_of

CHUNK_ROWS = 20_000
"""Records a transaction: some 100 MB at most, and enough to write as sets."""


@dataclass(frozen=True, slots=True)
class _Word:
    """What a record says of an id."""

    own_id: str
    action: str
    """I, U or D."""
    record: Record


@dataclass
class _Chunk:
    """Consecutive records of a feed, reduced to the last word on each id."""

    last: dict[str, _Word] = field(default_factory=dict)
    """By id; the order is that of the last words."""
    rejects: list[Reject] = field(default_factory=list)
    rows: int = 0
    size: int = 0


def message_id(source: SourceFile, terms: Terms) -> str:
    """The feed's id in the catalog: the same content under the same terms is the same feed."""
    said = f"{source.sha256} {terms.source} {' '.join(terms.territories)} {terms.currency}"
    return f"feed:{hashlib.sha256(said.encode()).hexdigest()[:24]}"


def ingest(
    connection: psycopg.Connection,
    source: SourceFile,
    layout: Layout,
    terms: Terms,
    report: FileReport,
    watch: Watch,
    chunk_rows: int = CHUNK_ROWS,
) -> None:
    """Take a feed in, and tell in `report` what became of it.

    The connection must be in autocommit mode: each chunk is a transaction, so that a feed that is
    broken off and taken in again goes on where it was, by way of the diff.
    """
    message = MessageRow(
        id=message_id(source, terms),
        kind=layout.kind,
        source=source.name,
        sha256=source.sha256,
        status="begun",
    )
    with connection.transaction():
        messages.record(connection, message)
        messages.release_from_quarantine(connection, source.sha256)
    if layout.unknown:
        report.notes.append(f"columns that are not taken in: {', '.join(layout.unknown)}")
    label_names: dict[str, str] = {}
    with source.open() as stream:
        header = read_header(stream)
        for chunk in _chunks(read_records(stream, len(header)), layout, chunk_rows):
            taken = _take(connection, list(chunk.last.values()), layout, terms, message.id)
            rejects = sorted([*chunk.rejects, *taken.rejects], key=lambda reject: reject.line)
            with connection.transaction():
                for reject in rejects:
                    messages.quarantine(
                        connection,
                        source=source.name,
                        sha256=source.sha256,
                        line=reject.line,
                        reason=reject.reason,
                        content=reject.content,
                        message=message.id,
                    )
            label_names.update(taken.label_names)
            report.changed.update(taken.changed)
            report.rows += chunk.rows
            report.flagged += taken.flagged
            for reject in rejects:
                report.reject(Rejected(reject.line, reject.reason))
            watch.advance(chunk.size)
    with connection.transaction():
        lock(connection)
        if renamed := _rename_labels(connection, label_names, message.id):
            report.changed["label updated"] += renamed
        messages.record(connection, _with_status(message, "applied"))


@dataclass
class _Taken:
    """What became of a chunk."""

    changed: Counter[str] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)
    """Records that the catalog can't hold."""
    flagged: int = 0
    label_names: dict[str, str] = field(default_factory=dict)

    def add(self, other: "_Taken") -> None:
        self.changed.update(other.changed)
        self.rejects += other.rejects
        self.flagged += other.flagged
        self.label_names.update(other.label_names)


def _take(
    connection: psycopg.Connection,
    words: Sequence[_Word],
    layout: Layout,
    terms: Terms,
    message: str,
) -> _Taken:
    """Write what records say, in one transaction, or in several without those that can't be held.

    What fails is halved until the records that are at fault stand alone: some 15 transactions for
    one of them in a whole chunk. Raises Unavailable and psycopg's errors where the database fails.
    """
    try:
        desired = _desired_state(words, layout, terms)
        with connection.transaction():
            lock(connection)
            changed = write(connection, desired, message)
        return _Taken(changed, [], _errors(desired), _label_names(desired))
    except (psycopg.Error, Unavailable):
        raise
    except Exception as error:
        if len(words) > 1:
            taken = _Taken()
            for half in (words[: len(words) // 2], words[len(words) // 2 :]):
                taken.add(_take(connection, half, layout, terms, message))
            return taken
        if not words:
            raise
        record = words[0].record
        return _Taken(rejects=[Reject(record.line, record.content, reason_of(error))])


def _chunks(
    records: Iterable[Record | Reject], layout: Layout, chunk_rows: int
) -> Iterator[_Chunk]:
    chunk = _Chunk()
    for item in records:
        judged = item if isinstance(item, Reject) else _judge(item, layout)
        if isinstance(judged, Reject):
            chunk.rejects.append(judged)
        else:
            chunk.last.pop(judged.own_id, None)
            chunk.last[judged.own_id] = judged
        if isinstance(item, Record):
            chunk.rows += 1
            chunk.size += len(item.content)
        if len(chunk.last) + len(chunk.rejects) >= chunk_rows:
            yield chunk
            chunk = _Chunk()
    yield chunk


def _judge(record: Record, layout: Layout) -> _Word | Reject:
    """What a record says, where it can be taken in."""
    own_id = record.fields[layout.id_column].strip()
    at = layout.action_column
    action = "I" if at is None else record.fields[at].strip().upper()
    if not own_id:
        reason = f"no {layout.subject} id"
    elif action not in ("I", "U", "D"):
        reason = f"action {action!r} is none of I, U and D"
    else:
        return _Word(own_id, action, record)
    return Reject(record.line, record.content, reason)


def _desired_state(words: Sequence[_Word], layout: Layout, terms: Terms) -> DesiredState:
    kept = [word.record.fields for word in words if word.action != "D"]
    removed = [word.own_id for word in words if word.action == "D"]
    id_column = layout.header[layout.id_column]
    text = text_frame(layout.header, kept, layout.columns, id_column)
    make = release.desired_state if layout.subject == "release" else track.desired_state
    return make(text, removed, terms)


def _errors(desired: DesiredState) -> int:
    identifiers = desired.rows["identifier"]
    return desired.rows["flaw"].height + identifiers.filter(~identifiers["is_valid"]).height


def _label_names(desired: DesiredState) -> dict[str, str]:
    if "label" not in desired.mentioned:
        return {}
    labels = desired.mentioned["label"].drop_nulls("name")
    return dict(zip(labels["id"], labels["name"], strict=True))


def _rename_labels(connection: psycopg.Connection, names: dict[str, str], message: str) -> int:
    """Give labels the name that the feed says last.

    Once a feed, not once a chunk: a label that has two names in one feed would change to and fro
    each time the feed is taken in.
    """
    return connection.execute(
        "UPDATE label t SET name = s.name, message_id = %s, updated_at = now()"
        " FROM unnest(%s::text[], %s::text[]) s (id, name)"
        " WHERE t.id = s.id AND t.name IS DISTINCT FROM s.name",
        (message, list(names), list(names.values())),
    ).rowcount


def _with_status(row: MessageRow, status: str) -> MessageRow:
    return MessageRow(id=row.id, kind=row.kind, source=row.source, sha256=row.sha256, status=status)

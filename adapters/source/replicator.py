"""Records of a source's topics into its replica, and from there into the master tables.

How far each partition is read is kept beside the replica and moves in the same transaction, by
compare-and-set: two processes that read the same partition never both take a record in. A change
that capture sends again after a restart is told by its position and left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from adapters.ingestion.master import writer
from adapters.source import batch, register
from adapters.source.definition import Source
from adapters.source.mapping import MasterMapping
from adapters.source.records import Captured, SourceReader
from adapters.source.replica import RowChange
from domain.changes import Change
from domain.failures import Unavailable, reason_of
from domain.translation.deduplication import Deduplicator, Verdict
from projections.ports.change_reader import Skip, Undecodable
from projections.ports.event_log import RecordBatch, TopicPartition


class Overtaken(Unavailable):
    """Another process has taken these records in; read on from its positions."""


@dataclass(frozen=True)
class Taken:
    """What became of some records."""

    written: Counter[str] = field(default_factory=Counter)
    """Changed master rows, by table and kind."""
    rows: int = 0
    """Changes of the source that were taken in."""
    repeats: int = 0
    stopped: dict[TopicPartition, str] = field(default_factory=dict)
    """Partitions that can't go on, and why; the others do."""


@dataclass
class _Partition:
    batch: RecordBatch
    next_offset: int
    memory: Deduplicator
    changes: list[RowChange]
    stopped: str | None = None
    repeats: int = 0


def positions(connection: psycopg.Connection, source: Source) -> dict[TopicPartition, int]:
    """Where to read on, of each partition that was read."""
    return {
        (topic, partition): offset
        for topic, partition, offset in connection.execute(
            sql.SQL("SELECT topic, partition, next_offset FROM {}").format(_checkpoint(source))
        )
    }


def take_in(
    connection: psycopg.Connection,
    source: Source,
    mappings: Sequence[MasterMapping],
    reader: SourceReader,
    batches: Sequence[RecordBatch],
    begun_at: Mapping[TopicPartition, int],
) -> Taken:
    """Take in records and commit. At most one batch per partition.

    `mappings` is empty while the source is first loaded. `begun_at` says from which position the
    records of each partition were read: none before it are missing. Raises Overtaken.
    """
    try:
        with connection.transaction():
            writer.lock(connection)
            if not register.is_current(connection, source):
                raise Overtaken(f"the source {source.name} was defined anew, or removed")
            read = [_read(connection, source, reader, b, begun_at) for b in batches]
            changes = [change for partition in read for change in partition.changes]
            written = batch.apply(connection, source, mappings, changes) if changes else Counter()
            for partition in read:
                _move(connection, source, partition)
    except psycopg.Error as error:
        if not writer.is_of_the_rows(error):
            raise
        return _taken_apart(connection, source, mappings, reader, batches, begun_at, error)
    return Taken(
        written,
        len(changes),
        sum(p.repeats for p in read),
        {(p.batch.topic, p.batch.partition): p.stopped for p in read if p.stopped is not None},
    )


def _taken_apart(
    connection: psycopg.Connection,
    source: Source,
    mappings: Sequence[MasterMapping],
    reader: SourceReader,
    batches: Sequence[RecordBatch],
    begun_at: Mapping[TopicPartition, int],
    error: psycopg.Error,
) -> Taken:
    """Some record can't be held: find it by halves; its partition stops before it."""
    filled = [b for b in batches if len(b)]
    if len(filled) == 1 and len(filled[0]) == 1:
        at = (filled[0].topic, filled[0].partition)
        return Taken(stopped={at: f"offset {filled[0].offsets[0]}: {reason_of(error)}"})
    total = Taken()
    for half in _halves(filled):
        if (half.topic, half.partition) in total.stopped:
            continue
        taken = take_in(connection, source, mappings, reader, [half], begun_at)
        total = Taken(
            total.written + taken.written,
            total.rows + taken.rows,
            total.repeats + taken.repeats,
            total.stopped | taken.stopped,
        )
    return total


def _halves(batches: Sequence[RecordBatch]) -> list[RecordBatch]:
    if len(batches) > 1:
        return list(batches)
    whole = batches[0]
    middle = len(whole) // 2
    return [
        RecordBatch(
            whole.topic,
            whole.partition,
            whole.offsets[part],
            whole.keys[part],
            whole.values[part],
            end,
        )
        for part, end in (
            (slice(0, middle), whole.offsets[middle]),
            (slice(middle, None), whole.next_offset),
        )
    ]


def _read(
    connection: psycopg.Connection,
    source: Source,
    reader: SourceReader,
    given: RecordBatch,
    begun_at: Mapping[TopicPartition, int],
) -> _Partition:
    row = connection.execute(
        sql.SQL("SELECT next_offset, memory FROM {} WHERE topic = %s AND partition = %s").format(
            _checkpoint(source)
        ),
        (given.topic, given.partition),
    ).fetchone()
    next_offset, text = row or (0, "")
    if begun_at[given.topic, given.partition] > next_offset:
        raise Overtaken(f"{given.topic}/{given.partition} is only read up to {next_offset}")
    if len(given) and next_offset > given.offsets[-1] + 1:
        raise Overtaken(f"{given.topic}/{given.partition} is read up to {next_offset} already")
    partition = _Partition(given, next_offset, Deduplicator.from_text(text), [])
    for offset, key, value in zip(given.offsets, given.keys, given.values, strict=True):
        if offset < next_offset:
            continue
        try:
            record = reader.read(given.topic, given.partition, offset, key, value)
        except Unavailable:
            raise  # the registry is away: no record's fault
        except Exception as error:  # whatever it is, the record is at fault
            reason = error if isinstance(error, Undecodable) else reason_of(error)
            partition.stopped = f"offset {offset}: {reason}"
            partition.next_offset = offset
            return partition
        _take(partition, record)
    partition.next_offset = max(next_offset, given.next_offset)
    return partition


def _take(partition: _Partition, record: Captured | Skip) -> None:
    if isinstance(record, Skip):
        return
    seen = record.seen
    if seen is not None and partition.memory.judge(seen, _was_captured) is Verdict.REPEAT:
        partition.repeats += 1
    else:
        partition.changes.append(record.change)


def _was_captured(_: Change) -> bool:
    """A change that stands below what was seen, and was committed no later, came before.

    Capture repeats whole stretches of the source's log, so what such a stretch begins with was
    read, and what follows it in the log is read again too.
    """
    return True


def _move(connection: psycopg.Connection, source: Source, partition: _Partition) -> None:
    """Move the checkpoint. The lock keeps others out, so what was read still holds."""
    connection.execute(
        sql.SQL(
            "INSERT INTO {} AS c (topic, partition, next_offset, memory) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset,"
            " memory = excluded.memory WHERE c.next_offset <= excluded.next_offset"
        ).format(_checkpoint(source)),
        (
            partition.batch.topic,
            partition.batch.partition,
            partition.next_offset,
            partition.memory.to_text(),
        ),
    )


def _checkpoint(source: Source) -> sql.Identifier:
    return sql.Identifier(source.replica, "__checkpoint")

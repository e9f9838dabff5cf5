"""Cuts batches of raw records: to positions, in halves, and apart from those that can't be used."""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from projections.ports.event_decoder import BadRecord
from projections.ports.event_log import EventLog, RecordBatch, TopicPartition


def keys_of(bad: Sequence[BadRecord]) -> frozenset[tuple[str, bytes]]:
    """(topic, key) of bad records."""
    return frozenset((record.topic, record.key) for record in bad if record.key is not None)


def keys_at(
    batches: Sequence[RecordBatch], offsets: Mapping[TopicPartition, Collection[int]]
) -> set[bytes | None]:
    """Keys of the records at these offsets."""
    return {
        key
        for batch in batches
        if (there := offsets.get((batch.topic, batch.partition)))
        for offset, key in zip(batch.offsets, batch.keys, strict=True)
        if offset in there
    }


def bad_record(batch: RecordBatch, index: int, reason: str) -> BadRecord:
    """The record at `index`, with its bytes."""
    return BadRecord(
        batch.topic,
        batch.partition,
        batch.offsets[index],
        batch.keys[index],
        batch.values[index],
        reason,
    )


def records_in(batches: Sequence[RecordBatch]) -> int:
    """Number of records."""
    return sum(map(len, batches))


def read(
    events: EventLog,
    positions: Mapping[TopicPartition, int],
    until: Mapping[TopicPartition, int],
) -> Generator[list[RecordBatch], None, None]:
    """The records from `positions` on and below `until`, cut to it exactly."""
    at = dict(positions)
    with closing(_generator(events.replay(dict(positions), until))) as polled:
        for batches in polled:
            if new := trimmed(batches, at, until):
                at.update({(b.topic, b.partition): b.next_offset for b in new})
                yield new


def _generator(polled: Iterator[list[RecordBatch]]) -> Generator[list[RecordBatch], None, None]:
    """So that it can be closed whatever was given."""
    yield from polled


def trimmed(
    batches: Sequence[RecordBatch],
    positions: Mapping[TopicPartition, int],
    until: Mapping[TopicPartition, int] | None = None,
) -> list[RecordBatch]:
    """Only what is new: partitions in `positions`, records from there on, and below `until`.

    Batches that would move nothing are left out.
    """
    kept = []
    at = dict(positions)
    for batch in batches:
        partition = (batch.topic, batch.partition)
        if partition not in at:
            continue
        end = batch.next_offset
        if until is not None:
            end = min(end, until.get(partition, 0))
        if end <= at[partition]:
            continue
        kept.append(_cut(batch, at[partition], end))
        at[partition] = end
    return kept


def _cut(batch: RecordBatch, first: int, end: int) -> RecordBatch:
    offsets = batch.offsets
    if end == batch.next_offset and (not offsets or offsets[0] >= first):
        return batch
    keep = [index for index, offset in enumerate(offsets) if first <= offset < end]
    return replace(_only(batch, keep), next_offset=end)


def _only(batch: RecordBatch, indexes: Sequence[int]) -> RecordBatch:
    return replace(
        batch,
        offsets=[batch.offsets[i] for i in indexes],
        keys=[batch.keys[i] for i in indexes],
        values=[batch.values[i] for i in indexes],
    )


def halves(batches: Sequence[RecordBatch]) -> tuple[list[RecordBatch], list[RecordBatch]]:
    """Split at half the records, each partition's order kept. Needs at least two records."""
    left: list[RecordBatch] = []
    right: list[RecordBatch] = []
    room = records_in(batches) // 2
    for batch in batches:
        if right or room == 0:
            right.append(batch)
        elif len(batch) <= room:
            left.append(batch)
            room -= len(batch)
        else:
            left.append(_cut(batch, batch.offsets[0], batch.offsets[room]))
            right.append(_cut(batch, batch.offsets[room], batch.next_offset))
            room = 0
    return left, right


def without(
    batches: Sequence[RecordBatch], offsets: Mapping[TopicPartition, Collection[int]]
) -> list[RecordBatch]:
    """Leave out the records at these offsets; positions stay."""
    if not offsets:
        return list(batches)
    rest = []
    for batch in batches:
        out = offsets.get((batch.topic, batch.partition), ())
        keep = [index for index, offset in enumerate(batch.offsets) if offset not in out]
        rest.append(batch if len(keep) == len(batch) else _only(batch, keep))
    return rest

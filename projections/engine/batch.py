"""From raw records to rows: cut, decode, hand to the handlers, keep the newest of each id.

Pure but for the decoder: the live worker, the rebuild and the retry of parked records all pass
through `project`, so there is one path from an event to a row.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from types import MappingProxyType

import polars as pl

from domain.failures import Unavailable, Unusable
from projections.engine.columns import FrameDoesNotFit, conform, schema_of
from projections.ports.event_decoder import BadRecord, EventDecoder
from projections.ports.event_log import EventLog, RecordBatch, TopicPartition
from projections.ports.read_store import Move
from projections.read_model import Projection, ReadModel

WAITS = "waits behind an earlier parked record of its key"


class HandlerFailed(Unusable):
    """A handler could not use one of the events that it got."""


class DecoderFailed(Unavailable):
    """Decoding as such is not possible now, as with a registry that does not answer."""


@dataclass(frozen=True)
class Projected:
    """What some batches come to."""

    rows: dict[str, pl.DataFrame]
    """Table → rows, the newest of each id."""
    bad: list[BadRecord]


def project(model: ReadModel, decoder: EventDecoder, batches: Sequence[RecordBatch]) -> Projected:
    """Decode `batches` and run the handlers.

    Raises HandlerFailed where a handler raises (the caller narrows it down by halving),
    DecoderFailed where the decoder as such fails.
    """
    rows: dict[str, pl.DataFrame] = {}
    bad: list[BadRecord] = []
    for projection in model.projections:
        mine = [batch for batch in batches if batch.topic == projection.topic and len(batch)]
        if not mine:
            continue
        try:
            decoded = decoder.decode(mine, projection.fields)
        except Exception as error:
            raise DecoderFailed(f"{projection.topic}: {error}") from error
        bad += decoded.undecodable
        frame = _handled(projection, decoded.frames)
        if frame is not None:
            rows[projection.sql.name] = frame
        for name in decoded.frames.keys() - projection.handlers.keys():
            bad += _unhandled(projection, name, decoded.frames[name], mine)
    return Projected(rows, bad)


def _handled(projection: Projection, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame | None:
    schema = schema_of(projection)
    parts = []
    for name, handler in projection.handlers.items():
        if name in frames and frames[name].height:
            try:
                parts.append(conform(handler(frames[name]), schema, f"handler of {name}"))
            except FrameDoesNotFit:
                raise  # wrong whatever the event: no record is to blame
            except Exception as error:
                raise HandlerFailed(f"handler of {name}: {error}") from error
    if not parts:
        return None
    return newest_per_id(pl.concat(parts, rechunk=False))


def newest_per_id(rows: pl.DataFrame) -> pl.DataFrame:
    """The row with the greatest `event_offset` of each id: all events of an id are in one
    partition, so their offsets are their order."""
    if rows.height < 2:
        return rows
    newest = pl.col("event_offset") == pl.col("event_offset").max().over("id")
    return rows.filter(newest) if rows["id"].n_unique() < rows.height else rows


def project_usable(
    model: ReadModel,
    decoder: EventDecoder,
    batches: Sequence[RecordBatch],
    parked: Collection[tuple[str, bytes]],
    refused: Mapping[int, str] = MappingProxyType({}),
) -> Projected:
    """Rows of all records that can be used; the others, with why, in order of their offsets.

    Records wait behind a bad one of their key and behind `parked` (topic, key). An event that a
    handler can't use is found by halving. `refused` are offsets of one partition that are known
    to be bad, with why. Raises DecoderFailed.
    """
    rest, waiting = without_parked(batches, parked)
    found = _refused(rest, refused) if refused else []
    bad = [*waiting, *found]
    try:
        while True:
            rest, waiting = without_bad(rest, found)
            bad += waiting
            projected = project(model, decoder, rest)
            bad += (found := projected.bad)
            if not found:
                return Projected(projected.rows, bad)
    except HandlerFailed as failure:
        if records_in(rest) == 1:
            batch = next(batch for batch in rest if len(batch))
            return Projected({}, [*bad, bad_record(batch, 0, str(failure))])
    parts = []
    for half in halves(rest):
        parts.append(part := project_usable(model, decoder, half, {*parked, *keys_of(bad)}))
        bad += part.bad
    frames: dict[str, list[pl.DataFrame]] = {}
    for part in parts:
        for table, frame in part.rows.items():
            frames.setdefault(table, []).append(frame)
    joined = {table: newest_per_id(pl.concat(its)) for table, its in frames.items()}
    return Projected(joined, bad)


def _refused(batches: Sequence[RecordBatch], refused: Mapping[int, str]) -> list[BadRecord]:
    return [
        bad_record(batch, index, refused[offset])
        for batch in batches
        for index, offset in enumerate(batch.offsets)
        if offset in refused
    ]


def keys_of(bad: Sequence[BadRecord]) -> frozenset[tuple[str, bytes]]:
    """(topic, key) of bad records: later records of theirs wait."""
    return frozenset((record.topic, record.key) for record in bad if record.key is not None)


def _unhandled(
    projection: Projection, name: str, frame: pl.DataFrame, batches: Sequence[RecordBatch]
) -> Iterator[BadRecord]:
    """Events that this version has no handler for: skipped in silence they would be lost."""
    positions = set(zip(frame["_partition"].to_list(), frame["_offset"].to_list(), strict=True))
    for batch in batches:
        for index, offset in enumerate(batch.offsets):
            if (batch.partition, offset) in positions:
                reason = f"no handler for {name} in topic {projection.topic}"
                yield bad_record(batch, index, reason)


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


def without_parked(
    batches: Sequence[RecordBatch], parked: Collection[tuple[str, bytes]]
) -> tuple[list[RecordBatch], list[BadRecord]]:
    """Take out the records whose key has parked records: they wait behind those."""
    if not parked:
        return list(batches), []

    def waits(batch: RecordBatch, index: int) -> bool:
        key = batch.keys[index]
        return key is not None and (batch.topic, key) in parked

    return _without(batches, waits)


def without_bad(
    batches: Sequence[RecordBatch], bad: Sequence[BadRecord]
) -> tuple[list[RecordBatch], list[BadRecord]]:
    """Take out bad records and, as waiting, all later ones of their keys."""
    if not bad:
        return list(batches), []
    places = {(record.topic, record.partition, record.offset) for record in bad}
    since: dict[tuple[str, bytes], int] = {}
    for record in bad:
        if record.key is not None:
            key = (record.topic, record.key)
            since[key] = min(record.offset, since.get(key, record.offset))

    def later(batch: RecordBatch, index: int) -> bool:
        key = batch.keys[index]
        if key is None:
            return False
        first = since.get((batch.topic, key))
        return first is not None and batch.offsets[index] > first

    rest, waiting = _without(
        batches,
        lambda batch, index: (
            (batch.topic, batch.partition, batch.offsets[index]) in places or later(batch, index)
        ),
    )
    return rest, [
        record
        for record in waiting
        if (record.topic, record.partition, record.offset) not in places
    ]


def _without(
    batches: Sequence[RecordBatch], unwanted: Callable[[RecordBatch, int], bool]
) -> tuple[list[RecordBatch], list[BadRecord]]:
    """Batches without the unwanted records (positions stay), and those as waiting ones."""
    rest: list[RecordBatch] = []
    out: list[BadRecord] = []
    for batch in batches:
        keep = []
        for index in range(len(batch)):
            if unwanted(batch, index):
                out.append(bad_record(batch, index, WAITS))
            else:
                keep.append(index)
        rest.append(batch if len(keep) == len(batch) else _only(batch, keep))
    return rest, out


def moves_of(
    batches: Sequence[RecordBatch], positions: Mapping[TopicPartition, int]
) -> tuple[Move, ...]:
    """The steps that the checkpoints take when these batches are stored."""
    ends: dict[TopicPartition, int] = {}
    for batch in batches:
        ends[batch.topic, batch.partition] = batch.next_offset
    return tuple(
        Move(topic, partition, positions[topic, partition], end)
        for (topic, partition), end in sorted(ends.items())
    )

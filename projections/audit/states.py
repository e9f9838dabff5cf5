"""The state of each row in a topic, as a digest: of what events say, or of what the master holds.

Both sides are events in Avro, decoded by the same decoder, so equal states have equal digests. A
digest holds within one process only (polars may hash otherwise in its next release).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import polars as pl

from domain.events import EVENT_TYPES, Effect, Event, topic_of
from projections.ports.event_decoder import BadRecord, EventDecoder
from projections.ports.event_log import EventLog, RecordBatch, TopicPartition

SCHEMA = pl.Schema(
    {
        "id": pl.String(),
        "partition": pl.Int32(),
        "offset": pl.Int64(),
        "digest": pl.UInt64(),
    }
)
"""A row's newest event. `digest` is null where the event says that the row is gone."""

_COMMON = frozenset(field.name for field in fields(Event))


@dataclass(frozen=True)
class States:
    """What some records say."""

    rows: pl.DataFrame
    """`SCHEMA`; the newest of each id."""
    bad: Sequence[BadRecord]


def state_columns(topic: str) -> tuple[str, ...]:
    """Names of the fields that the events of a topic add to `Event`, sorted."""
    names = {
        field.name
        for event in EVENT_TYPES
        if topic_of(event.SUBJECT) == topic
        for field in fields(event)
    }
    return tuple(sorted(names - _COMMON))


def states_of(topic: str, decoder: EventDecoder, batches: Sequence[RecordBatch]) -> States:
    """Decode records of one topic into the newest state of each id. Raises Unavailable."""
    decoded = decoder.decode(batches, frozenset(state_columns(topic)))
    rows = [_digested(name, frame, topic) for name, frame in decoded.frames.items() if len(frame)]
    return States(newest(rows), decoded.undecodable)


def newest(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """One frame of all, with the greatest offset of each id: all events of an id are in one
    partition."""
    if not frames:
        return SCHEMA.to_frame()
    rows = pl.concat(frames)
    last = pl.col("offset") == pl.col("offset").max().over("id")
    return rows.filter(last).unique("id", keep="any")


def values_of(
    topic: str, decoder: EventDecoder, batches: Sequence[RecordBatch]
) -> dict[str, Mapping[str, object]]:
    """Id → the state's fields, to say which of them differ. One record per id."""
    columns = state_columns(topic)
    found: dict[str, Mapping[str, object]] = {}
    for batch in batches:  # records of the master are all numbered from 0
        decoded = decoder.decode([batch], frozenset(columns))
        for frame in decoded.frames.values():
            for row in frame.iter_rows(named=True):
                found[row["id"]] = {name: row.get(name) for name in columns}
    return found


def records_at(events: EventLog, places: Collection[tuple[str, int, int]]) -> Iterator[RecordBatch]:
    """The records at these (topic, partition, offset). All that lies between them is read."""
    offsets: defaultdict[TopicPartition, set[int]] = defaultdict(set)
    for topic, partition, offset in places:
        offsets[topic, partition].add(offset)
    for at, wanted in offsets.items():
        for batches in events.replay({at: min(wanted)}, {at: max(wanted) + 1}):
            for batch in batches:
                found = [i for i, offset in enumerate(batch.offsets) if offset in wanted]
                if found:
                    yield replace(
                        batch,
                        offsets=[batch.offsets[i] for i in found],
                        keys=[batch.keys[i] for i in found],
                        values=[batch.values[i] for i in found],
                    )


def _digested(name: str, frame: pl.DataFrame, topic: str) -> pl.DataFrame:
    state = pl.struct(state_columns(topic)).hash(seed=1)
    return frame.select(
        pl.col("id"),
        pl.col("_partition").cast(pl.Int32).alias("partition"),
        pl.col("_offset").cast(pl.Int64).alias("offset"),
        (pl.lit(None, pl.UInt64) if name in _REMOVALS else state).alias("digest"),
    )


_REMOVALS = frozenset(event.__name__ for event in EVENT_TYPES if event.EFFECT is Effect.REMOVAL)

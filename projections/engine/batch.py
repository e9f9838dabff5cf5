"""From raw records to rows: decode, hand to the handlers, keep the newest of each id.

Pure but for the decoder: the live worker, the rebuild and the retry of parked records all pass
through `project`, so there is one path from an event to a row.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from domain.failures import Misconfigured, Unavailable, Unusable, reason_of
from projections.engine.columns import FrameDoesNotFit, conform, schema_of
from projections.engine.records import (
    bad_record,
    halves,
    records_in,
    without,
)
from projections.ports.event_decoder import BadRecord, EventDecoder
from projections.ports.event_log import RecordBatch
from projections.read_model import Projection, ReadModel

JUDGED = (Exception, pl.exceptions.PanicException)
"""What an event may be to blame for: a panic of polars is no `Exception`."""


class EventsUnusable(Unusable):
    """A decoder or a handler failed on one of the events that it got."""


@dataclass(frozen=True)
class Projected:
    """What some batches come to."""

    rows: dict[str, pl.DataFrame]
    """Table → rows, the newest of each id."""
    bad: list[BadRecord]


def project(model: ReadModel, decoder: EventDecoder, batches: Sequence[RecordBatch]) -> Projected:
    """Decode `batches` and run the handlers.

    Raises EventsUnusable where decoder or handler fail on an event (the caller narrows it down by
    halving), Unavailable where decoding as such is not possible now.
    """
    rows: dict[str, pl.DataFrame] = {}
    bad: list[BadRecord] = []
    for projection in model.projections:
        mine = [batch for batch in batches if batch.topic == projection.topic and len(batch)]
        if not mine:
            continue
        try:
            decoded = decoder.decode(mine, projection.fields)
        except (Unavailable, Misconfigured):
            raise  # of no record's making
        except JUDGED as error:
            raise EventsUnusable(f"decoder of {projection.topic}: {reason_of(error)}") from error
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
            except JUDGED as error:
                raise EventsUnusable(f"handler of {name}: {reason_of(error)}") from error
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
    refused: Mapping[int, str] = MappingProxyType({}),
) -> Projected:
    """Rows of all records that can be used; the others, with why.

    An event that a handler can't use is found by halving. `refused` are offsets of one partition
    that are known to be bad, with why. Raises Unavailable.
    """
    bad = _refused(batches, refused) if refused else []
    places = {(one.topic, one.partition): set(refused) for one in bad}
    rest = without(batches, places)
    try:
        projected = project(model, decoder, rest)
    except EventsUnusable as failure:
        if records_in(rest) == 1:
            batch = next(batch for batch in rest if len(batch))
            return Projected({}, [*bad, bad_record(batch, 0, reason_of(failure))])
    else:
        return Projected(projected.rows, [*bad, *projected.bad])
    frames: dict[str, list[pl.DataFrame]] = {}
    for half in halves(rest):
        part = project_usable(model, decoder, half)
        bad += part.bad
        for table, frame in part.rows.items():
            frames.setdefault(table, []).append(frame)
    joined = {table: newest_per_id(pl.concat(its)) for table, its in frames.items()}
    return Projected(joined, bad)


def used_of(
    model: ReadModel, rows: Mapping[str, pl.DataFrame], keys: Collection[tuple[str, bytes]]
) -> dict[tuple[str, bytes], int]:
    """(topic, key) → offset of the event that its row is made of, for those of `keys` that `rows`
    has. An event carries the whole state of its row: whatever is earlier is superseded by it."""
    found: dict[tuple[str, bytes], int] = {}
    if not keys:
        return found
    for projection in model.projections:
        frame = rows.get(projection.sql.name)
        ids = [id for topic, key in keys if topic == projection.topic if (id := _text(key))]
        if frame is None or not ids:
            continue
        its = frame.filter(pl.col("id").is_in(ids)).select("id", "event_offset")
        found |= {(projection.topic, id.encode()): offset for id, offset in its.iter_rows()}
    return found


def superseded_left_out(
    bad: Sequence[BadRecord], used: Mapping[tuple[str, bytes], int]
) -> list[BadRecord]:
    """The bad records that no later event of their key has superseded, in order."""
    left = [
        one for one in bad if one.key is None or used.get((one.topic, one.key), -1) < one.offset
    ]
    return sorted(left, key=lambda one: (one.topic, one.partition, one.offset))


def _text(key: bytes) -> str | None:
    """The id that a key stands for; None where no row can have it."""
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None


def _refused(batches: Sequence[RecordBatch], refused: Mapping[int, str]) -> list[BadRecord]:
    return [
        bad_record(batch, index, refused[offset])
        for batch in batches
        for index, offset in enumerate(batch.offsets)
        if offset in refused
    ]


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

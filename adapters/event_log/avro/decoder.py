"""Records to columns, a million per second, without one bad record spoiling its neighbours.

All records of one writer schema in a batch are decoded as one block (see `container`). The block
is believed only if it holds as many rows as records, each row's `id` is its record's key, and a
copy of the first record at its end decodes like the first. If not, each record is read alone with
fastavro, the bad ones are set aside with a reason, and the rest is decoded again.
"""

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

import fastavro
import polars as pl

from adapters.event_log.avro.columns import resolved
from adapters.event_log.avro.container import DECODING_ERRORS, read_block
from adapters.event_log.avro.wire import (
    HEADER_SIZE,
    SchemaTexts,
    UnknownSchemaId,
    format_error,
    schema_id_of,
)
from adapters.event_log.avro.writer_schema import WriterSchema, writer_schema
from domain.failures import Unusable, reason_of
from projections.ports.event_decoder import BadRecord, Decoded
from projections.ports.event_log import RecordBatch

T = TypeVar("T")


_NO_COLUMNS = "cannot be decoded to columns, or holds a date outside of the years 1 to 9999"
_DAYS = tuple((day - date(1970, 1, 1)).days for day in (date.min, date.max))
_MICROSECONDS = (_DAYS[0] * 86_400_000_000, (_DAYS[1] + 1) * 86_400_000_000 - 1)


@dataclass
class _Records:
    """Records of one topic and writer schema, in (partition, offset) order."""

    topic: str
    partitions: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)

    def bad(self, index: int, reason: str) -> BadRecord:
        return BadRecord(
            self.topic,
            self.partitions[index],
            self.offsets[index],
            self.keys[index],
            self.values[index],
            reason,
        )

    def only(self, indexes: Sequence[int]) -> "_Records":
        return _Records(
            self.topic,
            [self.partitions[i] for i in indexes],
            [self.offsets[i] for i in indexes],
            [self.keys[i] for i in indexes],
            [self.values[i] for i in indexes],
        )


class ColumnDecoder:
    """Implements `projections.ports.event_decoder.EventDecoder` with the schemas of a registry."""

    def __init__(self, schemas: SchemaTexts) -> None:
        self._schemas = schemas
        self._writers: dict[tuple[bytes, frozenset[str] | None], WriterSchema | str] = {}

    def decode(self, batch: Sequence[RecordBatch], fields: frozenset[str] | None = None) -> Decoded:
        """See the port. What the registry itself raises is raised, for the caller to try again."""
        undecodable: list[BadRecord] = []
        frames: dict[str, list[pl.DataFrame]] = {}
        for prefix, records in _by_writer(batch, undecodable):
            writer = self._writer(prefix, fields)
            if isinstance(writer, str):
                undecodable += [records.bad(i, writer) for i in range(len(records.values))]
                continue
            frame = _decoded(writer, records, undecodable)
            if frame.height:
                frames.setdefault(writer.event_name, []).append(frame)
        undecodable.sort(key=lambda bad: (bad.topic, bad.partition, bad.offset))
        return Decoded({name: _in_order(parts) for name, parts in frames.items()}, undecodable)

    def _writer(self, prefix: bytes, fields: frozenset[str] | None) -> WriterSchema | str:
        """The schema of records that begin so, or why they can't be read."""
        known = self._writers.get((prefix, fields))
        if known is not None:
            return known
        schema_id = schema_id_of(prefix)
        try:
            text = self._schemas.schema_text(schema_id)
        except UnknownSchemaId as error:  # asked for again: it may be registered by then
            return reason_of(error)
        try:
            self._writers[prefix, fields] = writer_schema(schema_id, text, fields)
        except Unusable as error:
            self._writers[prefix, fields] = reason_of(error)
        return self._writers[prefix, fields]


def _by_writer(
    batches: Sequence[RecordBatch], undecodable: list[BadRecord]
) -> Iterator[tuple[bytes, _Records]]:
    """Group records by the first five bytes of their value; set those without them aside."""
    groups: dict[tuple[str, bytes], _Records] = {}
    for batch in sorted(batches, key=lambda b: (b.topic, b.partition, b.next_offset)):
        for prefix, chosen in _by_prefix(batch.values).items():
            if prefix is None or format_error(prefix) is not None:
                undecodable += [_bad(batch, index) for index in chosen]
                continue
            records = groups.setdefault((batch.topic, prefix), _Records(batch.topic))
            records.partitions += [batch.partition] * len(chosen)
            records.offsets += _picked(batch.offsets, chosen)
            records.keys += _picked(batch.keys, chosen)
            records.values += _picked(batch.values, chosen)  # type: ignore[arg-type]
    for (_, prefix), records in groups.items():
        yield prefix, records


def _by_prefix(values: Sequence[bytes | None]) -> dict[bytes | None, Sequence[int]]:
    """Indexes of values by their first five bytes, of those that are null by None."""
    prefixes = [None if value is None else value[:HEADER_SIZE] for value in values]
    if len(distinct := set(prefixes)) == 1:
        return dict.fromkeys(distinct, range(len(values)))
    indexes = defaultdict[bytes | None, list[int]](list)
    for index, prefix in enumerate(prefixes):
        indexes[prefix].append(index)
    return dict(indexes)


def _picked(values: Sequence[T], indexes: Sequence[int]) -> Sequence[T]:
    """Values at indexes; all of them are what they are."""
    return values if len(indexes) == len(values) else [values[index] for index in indexes]


def _bad(batch: RecordBatch, index: int) -> BadRecord:
    value = batch.values[index]
    return BadRecord(
        batch.topic,
        batch.partition,
        batch.offsets[index],
        batch.keys[index],
        value,
        format_error(value) or "",
    )


def _decoded(writer: WriterSchema, records: _Records, undecodable: list[BadRecord]) -> pl.DataFrame:
    """Decode what can be decoded; the rest goes to `undecodable`."""
    frame = _block(writer, records)
    if frame is None:
        sound = []
        for index in range(len(records.values)):
            reason = _reason(writer, records, index)
            if reason is None:
                sound.append(index)
            else:
                undecodable.append(records.bad(index, reason))
        records = records.only(sound)
        frame = _block(writer, records)
    if frame is not None:
        return frame
    # fastavro and polars disagree: find out record by record
    parts = []
    for index in range(len(records.values)):
        part = _block(writer, records.only([index]))
        if part is None:
            undecodable.append(records.bad(index, _NO_COLUMNS))
        else:
            parts.append(part)
    return pl.concat(parts) if parts else pl.DataFrame()


def _block(writer: WriterSchema, records: _Records) -> pl.DataFrame | None:
    """Decode all records as one block, or None if any of it cannot be believed."""
    values = records.values
    count = len(values)
    try:
        frame = read_block(writer.container, [*values, *values[:1]], writer.wanted)
        if frame.height != count + bool(count):
            return None
        rows = frame.head(count)
        keys = pl.Series(records.keys, dtype=pl.Binary)
        if not rows["id"].cast(pl.Binary).equals(keys):
            return None
        if count and not rows.head(1).equals(frame.tail(1)):
            return None
        frame = resolved(rows, writer.reader, writer.columns)
        if not all(map(_is_in_calendar, frame.get_columns())):
            return None
        return frame.with_columns(
            pl.Series("_partition", records.partitions, dtype=pl.Int32),
            pl.Series("_offset", records.offsets, dtype=pl.Int64),
        )
    except DECODING_ERRORS:
        return None


def _is_in_calendar(column: pl.Series) -> bool:
    """Whether dates and instants are of the years 1 to 9999: others no reader of rows can hold."""
    kind = column.dtype
    if isinstance(kind, pl.Struct):
        times = [field.name for field in kind.fields if field.dtype.is_temporal()]
        return all(_is_in_calendar(column.struct.field(name)) for name in times)
    if isinstance(kind, pl.Datetime):
        first, last = _MICROSECONDS
    elif isinstance(kind, pl.Date):
        first, last = _DAYS
    else:
        return True
    numbers = column.to_physical()
    least, most = numbers.min(), numbers.max()
    return least is None or (first <= least and most <= last)  # type: ignore[operator]


def _reason(writer: WriterSchema, records: _Records, index: int) -> str | None:
    """Say why a record, read alone, is bad."""
    body = io.BytesIO(records.values[index][HEADER_SIZE:])
    key = records.keys[index]
    try:
        event: Any = fastavro.schemaless_reader(body, writer.plain, None)
    except Exception as error:  # whatever broken bytes make fastavro stumble on
        return f"not Avro of {writer.event_name}: {reason_of(error)}"
    if rest := len(body.read()):
        return f"{rest} bytes follow the {writer.event_name}"
    if event["id"].encode() != key:
        return f"the record's key {_shown(key)} is not the event's id {_shown(event['id'])}"
    return None


def _shown(value: bytes | str | None) -> str:
    return repr(value) if value is None or len(value) <= 100 else f"{value[:100]!r}…"


def _in_order(parts: list[pl.DataFrame]) -> pl.DataFrame:
    if len(parts) == 1:
        return parts[0]
    return pl.concat(parts).sort("_partition", "_offset")

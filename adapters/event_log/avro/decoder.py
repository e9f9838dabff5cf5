"""Records to columns, a million a second, without one bad record spoiling its neighbours.

All records of one writer schema in a batch are decoded as one block (see `container`). The block
is believed only if it holds as many rows as records, each row's `id` is its record's key, and a
copy of the first record at its end decodes like the first. If not, each record is read alone with
fastavro, the bad ones are set aside with a reason, and the rest is decoded again.
"""

import io
import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import fastavro
import polars as pl

from adapters.event_log.avro.columns import frame_schema, resolved
from adapters.event_log.avro.container import DECODING_ERRORS, container_header, read_block
from adapters.event_log.avro.wire import (
    HEADER_SIZE,
    SchemaTexts,
    UnknownSchemaId,
    flaw,
    schema_id_of,
)
from domain.events import EVENT_TYPES, Event
from domain.schemas import contract_of, full_name
from projections.ports.event_decoder import BadRecord, Decoded
from projections.ports.event_log import RecordBatch

T = TypeVar("T")

_NEEDLESS = {"default", "doc", "aliases"}
"""Attributes that say nothing of the bytes; polars refuses scalar defaults in a container."""
_EVENT_TYPES: dict[str, type[Event]] = {full_name(event): event for event in EVENT_TYPES}
_HEADER = {
    "name": "_header",
    "type": {"type": "fixed", "name": "_WireFormat", "size": HEADER_SIZE},
}
"""A field before an event's own: so values are decoded as they are, not cut and copied first."""


@dataclass(frozen=True)
class _Writer:
    """What is known of the schema that some records were written with."""

    event_name: str
    wanted: list[str]
    """Names of its fields that are decoded."""
    reader: dict[str, Any]
    """The reader's schema: of those fields that are asked for."""
    columns: pl.Schema
    container: bytes
    plain: Any
    """The schema without logical types, for fastavro: to judge bytes, not to read values."""

    @classmethod
    def of(cls, schema: dict[str, Any], fields: frozenset[str] | None) -> "_Writer":
        """Raises KeyError where the schema is of no event type that this version knows."""
        name = f"{schema.get('namespace', '')}.{schema['name']}"
        event_type = _EVENT_TYPES[name]
        reader = contract_of(event_type).newest.schema
        wanted = [field["name"] for field in schema["fields"]]
        if fields is not None:
            asked = fields | {"id"}
            wanted = [name for name in wanted if name in asked]
            read = [field for field in reader["fields"] if field["name"] in asked]
            reader = {**reader, "fields": read}
        return cls(
            event_name=event_type.__name__,
            wanted=wanted,
            reader=reader,
            columns=frame_schema(reader),
            container=container_header(
                _without({**schema, "fields": [_HEADER, *schema["fields"]]}, _NEEDLESS)
            ),
            plain=fastavro.parse_schema(_without(schema, {*_NEEDLESS, "logicalType"})),
        )


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
        self._writers: dict[tuple[bytes, frozenset[str] | None], _Writer] = {}

    def decode(self, batch: Sequence[RecordBatch], fields: frozenset[str] | None = None) -> Decoded:
        """Decode batches; errors of the registry itself are raised, for the caller to try again."""
        undecodable: list[BadRecord] = []
        frames: dict[str, list[pl.DataFrame]] = {}
        for prefix, records in _by_writer(batch, undecodable):
            try:
                writer = self._writer(prefix, fields)
            except UnknownSchemaId as error:
                undecodable += [records.bad(i, str(error)) for i in range(len(records.values))]
                continue
            frame = _decoded(writer, records, undecodable)
            if frame.height:
                frames.setdefault(writer.event_name, []).append(frame)
        undecodable.sort(key=lambda bad: (bad.topic, bad.partition, bad.offset))
        return Decoded({name: _in_order(parts) for name, parts in frames.items()}, undecodable)

    def _writer(self, prefix: bytes, fields: frozenset[str] | None) -> _Writer:
        if (prefix, fields) not in self._writers:
            schema_id = schema_id_of(prefix)
            schema = json.loads(self._schemas.schema_text(schema_id))
            try:
                self._writers[prefix, fields] = _Writer.of(schema, fields)
            except KeyError:
                raise UnknownSchemaId(
                    f"schema id {schema_id} is {schema.get('name')!r},"
                    " which is no event type that this version knows"
                ) from None
        return self._writers[prefix, fields]


def _by_writer(
    batches: Sequence[RecordBatch], undecodable: list[BadRecord]
) -> Iterator[tuple[bytes, _Records]]:
    """Group records by the first five bytes of their value; set those without them aside."""
    groups: dict[tuple[str, bytes], _Records] = {}
    for batch in sorted(batches, key=lambda b: (b.topic, b.partition, b.next_offset)):
        for prefix, chosen in _by_prefix(batch.values).items():
            if prefix is None or flaw(prefix) is not None:
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
        flaw(value) or "",
    )


def _decoded(writer: _Writer, records: _Records, undecodable: list[BadRecord]) -> pl.DataFrame:
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
    if frame is None:  # fastavro and polars disagree: find out record by record
        parts = []
        for index in range(len(records.values)):
            part = _block(writer, single := records.only([index]))
            if part is None:
                undecodable.append(records.bad(index, "cannot be decoded to columns"))
            else:
                parts.append(_placed(writer, part, single))
        return pl.concat(parts) if parts else pl.DataFrame()
    return _placed(writer, frame, records)


def _block(writer: _Writer, records: _Records) -> pl.DataFrame | None:
    """Decode all records as one block, or None if any of it cannot be believed."""
    values = records.values
    try:
        frame = read_block(writer.container, [*values, *values[:1]], writer.wanted)
    except DECODING_ERRORS:
        return None
    count = len(values)
    if frame.height != count + bool(count):
        return None
    rows = frame.head(count)
    keys = pl.Series(records.keys, dtype=pl.Binary)
    if not rows["id"].cast(pl.Binary).equals(keys):
        return None
    return rows if rows.head(1).equals(frame.tail(1)) or not count else None


def _placed(writer: _Writer, frame: pl.DataFrame, records: _Records) -> pl.DataFrame:
    return resolved(frame, writer.reader, writer.columns).with_columns(
        pl.Series("_partition", records.partitions, dtype=pl.Int32),
        pl.Series("_offset", records.offsets, dtype=pl.Int64),
    )


def _reason(writer: _Writer, records: _Records, index: int) -> str | None:
    """Say why a record, read alone, is bad."""
    body = io.BytesIO(records.values[index][HEADER_SIZE:])
    key = records.keys[index]
    try:
        event: Any = fastavro.schemaless_reader(body, writer.plain, None)
    except Exception as error:  # whatever broken bytes make fastavro stumble on
        return f"not Avro of {writer.event_name}: {type(error).__name__}: {error}"
    if rest := len(body.read()):
        return f"{rest} bytes follow the {writer.event_name}"
    if event["id"].encode() != key:
        return f"the record's key {key!r} is not the event's id {event['id']!r}"
    return None


def _without(schema: Any, keys: Collection[str]) -> Any:
    """Return a schema without some of its attributes, at every depth."""
    if isinstance(schema, list):
        return [_without(part, keys) for part in schema]
    if isinstance(schema, dict):
        return {key: _without(value, keys) for key, value in schema.items() if key not in keys}
    return schema


def _in_order(parts: list[pl.DataFrame]) -> pl.DataFrame:
    if len(parts) == 1:
        return parts[0]
    return pl.concat(parts).sort("_partition", "_offset")

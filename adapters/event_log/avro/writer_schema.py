"""What is known of a schema that records were written with, judged once before any of them."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import fastavro
import polars as pl

from adapters.event_log.avro.columns import frame_schema, resolved
from adapters.event_log.avro.container import DECODING_ERRORS, container_header, read_block
from adapters.event_log.avro.wire import HEADER_SIZE
from domain.events import EVENT_TYPES, Event
from domain.failures import Unusable, reason_of
from domain.schemas import contract_of, full_name

_NEEDLESS = {"default", "doc", "aliases"}
"""Attributes that say nothing of the bytes; polars refuses scalar defaults in a container."""
_EVENT_TYPES: dict[str, type[Event]] = {full_name(event): event for event in EVENT_TYPES}
_HEADER = {
    "name": "_header",
    "type": {"type": "fixed", "name": "_WireFormat", "size": HEADER_SIZE},
}
"""A field before an event's own: so values are decoded as they are, not cut and copied first."""


@dataclass(frozen=True)
class WriterSchema:
    """A schema of an event type that this version knows, and how its records become columns."""

    event_name: str
    wanted: list[str]
    """Names of its fields that are decoded."""
    reader: dict[str, Any]
    """The reader's schema: of those fields that are asked for."""
    columns: pl.Schema
    container: bytes
    plain: Any
    """The schema without logical types, for fastavro: to judge bytes, not to read values."""


def writer_schema(schema_id: int, text: str, fields: frozenset[str] | None) -> WriterSchema:
    """Read a registered schema, of which `fields` are asked for (None: all).

    A registry holds whatever anybody registers: other kinds of schemas, other types under an
    event's name. Raises Unusable for those whose records are no events that can be read.
    """
    try:
        return _of(json.loads(text), fields)
    except (Exception, *DECODING_ERRORS) as error:
        raise Unusable(
            f"schema id {schema_id} is of no event that this version can read: {reason_of(error)}"
        ) from error


def _of(schema: Any, fields: frozenset[str] | None) -> WriterSchema:
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise Unusable("it is no Avro record")
    name = f"{schema.get('namespace', '')}.{schema['name']}"
    if name not in _EVENT_TYPES:
        raise Unusable(f"{schema['name']!r} is no event type that it knows")
    event_type = _EVENT_TYPES[name]
    reader = contract_of(event_type).newest.schema
    wanted = [field["name"] for field in schema["fields"]]
    if fields is not None:
        asked = fields | {"id"}
        wanted = [name for name in wanted if name in asked]
        read = [field for field in reader["fields"] if field["name"] in asked]
        reader = {**reader, "fields": read}
    made = WriterSchema(
        event_name=event_type.__name__,
        wanted=wanted,
        reader=reader,
        columns=frame_schema(reader),
        container=container_header(
            _without({**schema, "fields": [_HEADER, *schema["fields"]]}, _NEEDLESS)
        ),
        plain=fastavro.parse_schema(_without(schema, {*_NEEDLESS, "logicalType"})),
    )
    empty = read_block(made.container, [], wanted)
    if empty.schema.get("id") != pl.String:
        raise Unusable("it has no id that is a string")
    resolved(empty, reader, made.columns)
    return made


def _without(schema: Any, keys: Collection[str]) -> Any:
    """Return a schema without some of its attributes, at every depth."""
    if isinstance(schema, list):
        return [_without(part, keys) for part in schema]
    if isinstance(schema, dict):
        return {key: _without(value, keys) for key, value in schema.items() if key not in keys}
    return schema

"""Avro in Confluent's wire format: 0x00, the schema's id in a registry, the body.

Kafka Connect's AvroConverter puts the semantic names of Debezium's types into `connect.name` and
their parameters into `connect.parameters`; only Kafka's own types have Avro's `logicalType`, which
fastavro reads.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import fastavro

from adapters.capture.values import Wire
from adapters.event_log.avro.wire import HEADER_SIZE, SchemaTexts, schema_id_of
from adapters.source.encodings.decoded import Decoded
from domain.failures import Unavailable, reason_of
from projections.ports.change_reader import Undecodable

MAGIC = b"\0"
"""What the wire format begins with; no JSON does."""
_NO_REGISTRY = (
    "it looks like Avro of a schema registry (0x00 and a schema's id), and no registry is known:"
    " set CATALOG_REGISTRY__URL, or the source's own registry"
)


@dataclass(frozen=True, slots=True)
class AvroSchema:
    """A writer's schema."""

    identity: int
    """Its id in the registry."""
    parsed: Any
    content: Any
    """As the registry has it."""

    def wires(self, *, is_flat: bool) -> Mapping[str, Wire]:
        """See `decoded.RowSchema`."""
        fields = self.content["fields"]
        if not is_flat:
            sides = [_plain_type(f["type"]) for f in fields if f["name"] in ("before", "after")]
            written = [side for side in sides if isinstance(side, dict)]  # the other is its name
            if not written:
                raise Undecodable("the schema has no fields of the row after")
            fields = written[0]["fields"]
        return {field["name"]: _wire(_plain_type(field["type"])) for field in fields}


def _plain_type(type_: Any) -> Any:
    """Of a union with null, the other."""
    if isinstance(type_, list):
        return next((branch for branch in type_ if branch != "null"), "null")
    return type_


def _wire(type_: Any) -> Wire:
    if not isinstance(type_, dict):
        return Wire()
    scale = (type_.get("connect.parameters") or {}).get("scale", type_.get("scale"))
    return Wire(type_.get("connect.name"), None if scale is None else int(scale))


class AvroReader:
    """Decodes values and keys with their writers' schemas, which it remembers."""

    def __init__(self, schemas: SchemaTexts | None) -> None:
        """Without a registry any Avro is refused, with what to set."""
        self._schemas = schemas
        self._known: dict[int, AvroSchema] = {}

    def decode(self, value: bytes) -> Decoded:
        """The fields of a record. Raises Undecodable, UnknownSchemaId, Unavailable."""
        content, schema = self.anything(value)
        if not isinstance(content, dict):
            raise Undecodable(f"schema id {schema.identity} is no Avro record")
        return Decoded(content, schema)

    def anything(self, value: bytes) -> tuple[Any, AvroSchema]:
        """What a value or key holds: a record's fields, or a single value. Raises as `decode`."""
        if len(value) < HEADER_SIZE or value[:1] != MAGIC:
            raise Undecodable("it is not in Confluent's wire format (0x00, 4 bytes of schema id)")
        schema = self._schema(schema_id_of(value[:HEADER_SIZE]))
        body = io.BytesIO(value[HEADER_SIZE:])
        try:
            content: Any = fastavro.schemaless_reader(body, schema.parsed, None)
        except Exception as error:  # whatever broken bytes make fastavro stumble on
            raise Undecodable(
                f"not Avro of schema id {schema.identity}: {reason_of(error)}"
            ) from None
        if rest := len(body.read()):
            raise Undecodable(f"{rest} bytes follow the Avro of schema id {schema.identity}")
        return _as_json(content), schema

    def _schema(self, schema_id: int) -> AvroSchema:
        if (known := self._known.get(schema_id)) is not None:
            return known
        if self._schemas is None:
            raise Undecodable(_NO_REGISTRY)
        text = self._schemas.schema_text(schema_id)
        try:
            content = json.loads(text)
            found = AvroSchema(schema_id, fastavro.parse_schema(content), content)
        except Unavailable:
            raise
        except Exception as error:  # whatever text a registry holds
            raise Undecodable(_said_of(schema_id, text, error)) from None
        self._known[schema_id] = found
        return found


def _said_of(schema_id: int, text: str, error: Exception) -> str:
    """What a registered schema that isn't Avro looks like, and what to set."""
    if text.lstrip().startswith(("syntax", "import", "package", "message", "option", "//")):
        kind, instead = "Protobuf", "io.confluent.connect.avro.AvroConverter or JsonConverter"
    elif '"$schema"' in text or '"properties"' in text:
        kind, instead = "JSON with a JSON Schema of the registry", "AvroConverter or JsonConverter"
    else:
        return f"schema id {schema_id} is no Avro: {reason_of(error)}"
    return (
        f"it looks like {kind} (schema id {schema_id}), which isn't read: set {instead} as the"
        " connector's key.converter and value.converter, and capture into new topics"
    )


def _as_json(value: Any) -> Any:
    """Bytes as JSON has them, so that all that follows knows one form."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _as_json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_as_json(member) for member in value]
    return value

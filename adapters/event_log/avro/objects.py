"""One record to one event, for whoever reads few and wants to see them."""

import io
import json
from typing import Any

import fastavro

from adapters.event_log.avro.wire import HEADER_SIZE, SchemaTexts, format_error, schema_id_of
from domain.events import EVENT_TYPES
from domain.failures import Unusable, reason_of
from domain.schemas import full_name

_EVENT_TYPES = {full_name(event): event for event in EVENT_TYPES}


class Undecodable(Unusable):
    """A value is no event; the message says why."""


class RecordReader:
    """Decodes single values with their writer's schema."""

    def __init__(self, schemas: SchemaTexts) -> None:
        self._schemas = schemas
        self._parsed: dict[int, Any] = {}

    def read(self, value: bytes | None) -> tuple[str, dict[str, Any]]:
        """Return the full name of an event's type and its fields, as its writer knew them.

        Raises:
            Undecodable: the value is not in the wire format or breaks its schema.
            UnknownSchemaId: the registry does not know its schema.
            Unavailable: the registry doesn't answer.
        """
        if value is None or (reason := format_error(value)) is not None:
            raise Undecodable(format_error(value) or reason)
        schema = self._schema(schema_id_of(value))
        body = io.BytesIO(value[HEADER_SIZE:])
        try:
            fields_: Any = fastavro.schemaless_reader(body, schema, None)
        except Exception as error:  # whatever broken bytes make fastavro stumble on
            raise Undecodable(f"not Avro of {schema['name']}: {reason_of(error)}") from error
        return schema["name"], fields_

    def _schema(self, schema_id: int) -> Any:
        """A parsed record schema; of whatever else may be registered Undecodable is raised."""
        if schema_id not in self._parsed:
            text = self._schemas.schema_text(schema_id)
            try:
                parsed: Any = fastavro.parse_schema(json.loads(text))
                if parsed["type"] != "record":
                    raise TypeError(f"a schema of type {parsed['type']!r}")
            except Exception as error:  # whatever text a registry holds
                message = f"schema id {schema_id} is no Avro record: {reason_of(error)}"
                raise Undecodable(message) from error
            self._parsed[schema_id] = parsed
        return self._parsed[schema_id]

"""JSON of Kafka Connect's JsonConverter, with `schemas.enable` and without.

With it a value is `{"schema": …, "payload": …}`. The schema is as large as the row many times, so
its text is only compared, and read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from adapters.capture.values import Wire
from adapters.source.encodings.decoded import Decoded
from projections.ports.change_reader import Undecodable

_anything = msgspec.json.Decoder(float_hook=Decimal)


class _WithSchema(msgspec.Struct, forbid_unknown_fields=True):
    schema: msgspec.Raw
    payload: Any


_with_schema = msgspec.json.Decoder(_WithSchema, float_hook=Decimal)
_BEGINNING = b'{"schema":'


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """A schema of Kafka Connect in JSON, as it was sent."""

    identity: bytes

    def wires(self, *, is_flat: bool) -> Mapping[str, Wire]:
        """See `decoded.RowSchema`."""
        try:
            fields = _anything.decode(self.identity)["fields"]
            if not is_flat:
                sides = [f for f in fields if f.get("field") in ("after", "before")]
                fields = sides[0]["fields"]
            return {column["field"]: _wire(column) for column in fields}
        except (msgspec.DecodeError, KeyError, IndexError, TypeError, ValueError, AttributeError):
            raise Undecodable("the schema has no fields of the row after") from None


def _wire(column: Mapping[str, Any]) -> Wire:
    scale = (column.get("parameters") or {}).get("scale")
    return Wire(column.get("name"), None if scale is None else int(scale))


def decode(value: bytes) -> Decoded:
    """The fields of a value. Raises Undecodable."""
    content, schema = scalar(value)
    if not isinstance(content, dict):
        raise Undecodable(f"the value is no JSON object: {str(content)[:80]}")
    return Decoded(content, schema)


def scalar(text: bytes) -> tuple[Any, JsonSchema | None]:
    """Whatever JSON holds, its schema taken off. Raises Undecodable."""
    try:
        if text.startswith(_BEGINNING):
            outer = _with_schema.decode(text)
            return _opened(outer.payload, bytes(outer.schema))
        content = _anything.decode(text)
    except msgspec.ValidationError:  # a row with columns of these names
        content = _anything.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise Undecodable(f"the value is no JSON object: {problem}") from None
    return parts(content)


def parts(content: Any) -> tuple[Any, JsonSchema | None]:
    """Decoded JSON as payload and schema, where it is these two; else as it is."""
    if isinstance(content, dict) and content.keys() == {"schema", "payload"}:
        return _opened(content["payload"], msgspec.json.encode(content["schema"]))
    return content, None


def _opened(payload: Any, schema: bytes) -> tuple[Any, JsonSchema | None]:
    return payload, None if schema == b"null" else JsonSchema(schema)

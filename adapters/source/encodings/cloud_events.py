"""CloudEvents, as Debezium's CloudEventsConverter writes them.

What the envelope says beside the rows is in attributes: `iodebezium` and the name of the field
without any character that isn't a letter or digit, numbers of 64 bits as text. `data` holds before
and after: in JSON, in JSON with its schema, or in Confluent's Avro (as base64 where the envelope is
JSON). Source: Debezium, "Exporting CloudEvents" and CloudEventsConverter.adjustExtensionName.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.capture.source import Source
from adapters.source.encodings import json
from adapters.source.encodings.avro import MAGIC, AvroReader
from adapters.source.encodings.decoded import Decoded, Envelope, Fields, source_of
from projections.ports.change_reader import Undecodable

_PREFIX = "iodebezium"
_ATTRIBUTES: Mapping[str, str] = {
    _PREFIX + "".join(filter(str.isalnum, field.encode_name)): field.encode_name
    for field in msgspec.structs.fields(Source)
}
"""Attribute → field of `source`: `iodebeziumcommitlsn` → `commit_lsn`."""


def is_one(fields: Fields) -> bool:
    """Whether these are a CloudEvent's attributes."""
    return "specversion" in fields and "data" in fields


def opened(fields: Fields, avro: AvroReader) -> Envelope:
    """A CloudEvent as an envelope. Raises Undecodable, and what reading Avro raises."""
    op = fields.get(_PREFIX + "op")
    if op is None:
        raise Undecodable(
            "it is a CloudEvent without Debezium's attributes, so what happened to the row isn't"
            " said: set extension.attributes.enable=true on the converter"
        )
    source = source_of({name: fields.get(key) for key, name in _ATTRIBUTES.items()})
    data = _data(fields["data"], avro)
    after, before = data.fields.get("after"), data.fields.get("before")
    return Envelope(str(op), before, after, source, data.schema)


def _data(data: Any, avro: AvroReader) -> Decoded:
    if isinstance(data, str):
        try:
            body = base64.b64decode(data, validate=True)
        except binascii.Error:
            raise Undecodable("the CloudEvent's data is text that is no base64") from None
        return avro.decode(body) if body.startswith(MAGIC) else json.decode(body)
    content, schema = json.parts(data)
    if not isinstance(content, dict):
        raise Undecodable(f"the CloudEvent's data is no change of a row: {str(content)[:80]}")
    return Decoded(content, schema)

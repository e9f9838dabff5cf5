"""A record as a person reads it: decoded as far as possible, else its bytes and the reason."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from adapters.event_log.avro.objects import RecordReader, Undecodable
from adapters.event_log.avro.wire import UnknownSchemaId
from adapters.event_log.tail import Record


@dataclass(frozen=True, slots=True)
class Shown:
    """A record as a person reads it."""

    topic: str
    partition: int
    offset: int
    written_at: datetime | None
    key: str | None
    type: str
    """Event type; `change` on change topics; `undecodable`."""
    text: str
    """Fields as JSON, or why there are none and the bytes."""


def shown(reader: RecordReader, record: Record) -> Shown:
    """Decode as far as possible; never raises on content."""
    kind, text = described(reader, record.value)
    key = None if record.key is None else record.key.decode("utf-8", "backslashreplace")
    return Shown(record.topic, record.partition, record.offset, record.written_at, key, kind, text)


def described(reader: RecordReader, value: bytes | None) -> tuple[str, str]:
    """What kind of value it is, and its content as text: an event, JSON, or bytes with the reason.

    Raises RegistryFailed while the registry is away.
    """
    if value is None:
        return "tombstone", ""
    if value[:1] in (b"{", b"["):
        try:
            return "change", pretty(json.loads(value))
        except ValueError:
            pass
    try:
        name, fields = reader.read(value)
    except (Undecodable, UnknownSchemaId) as error:
        return "undecodable", f"{error}\n\n{hexadecimal(value)}"
    return name.rpartition(".")[2], pretty(fields)


def pretty(value: Any) -> str:
    """Indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def hexadecimal(value: bytes, most: int = 1024) -> str:
    """Bytes in lines of 16, with their characters."""
    lines = []
    for start in range(0, min(len(value), most), 16):
        part = value[start : start + 16]
        characters = "".join(chr(b) if 32 <= b < 127 else "." for b in part)
        lines.append(f"{start:06x}  {part.hex(' '):<47}  {characters}")
    more = len(value) - most
    return "\n".join([*lines, f"… {more} bytes more"] if more > 0 else lines)

"""The newest records of a topic, decoded as far as possible, with search by key.

Kafka is read forwards only, so this takes a stretch at the end of each partition, and a longer one
before it, until there is enough or the time is up; what was not searched is said.
"""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from adapters.composition import clients
from adapters.composition.endpoints import Endpoints
from adapters.event_log.avro.objects import RecordReader, Undecodable
from adapters.event_log.avro.wire import UnknownSchemaId
from adapters.event_log.connection import failed
from adapters.event_log.reading import Limits, gather
from adapters.event_log.tail import Record, record_of

Partition = tuple[str, int]
_MOST_AT_ONCE = 50_000


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


@dataclass(frozen=True, slots=True)
class Found:
    """Records, newest first, and how far the search went."""

    records: list[Shown]
    searched: int
    """Offsets looked at."""
    total: int


def latest(
    endpoints: Endpoints, topic: str, *, key: str | None = None, limit: int = 25, seconds: float = 4
) -> Found:
    """The newest records of a topic, of one key if it is given. Raises KafkaFailed."""
    bounds = clients.topics(endpoints).bounds([topic])
    deadline = monotonic() + seconds
    ends = {at: b.end for at, b in bounds.items() if b.end > b.first}
    window = max(20, 2 * limit // max(1, len(ends))) if key is None else 5000
    wanted = None if key is None else key.encode()
    found: list[Record] = []
    searched = 0
    with closing(clients.reader(endpoints, "dashboard")) as consumer:
        while ends and len(found) < limit and monotonic() < deadline:
            starts = {at: max(bounds[at].first, end - window) for at, end in ends.items()}
            found += [
                record
                for record in _stretch(consumer, starts, ends, deadline)
                if wanted is None or record.key == wanted
            ]
            searched += sum(ends[at] - starts[at] for at in ends)
            ends = {at: start for at, start in starts.items() if start > bounds[at].first}
            window = min(_MOST_AT_ONCE, window * 4)
    found.sort(key=lambda r: (r.written_at is not None, r.written_at, r.offset), reverse=True)
    total = sum(b.end - b.first for b in bounds.values())
    with closing(clients.registry(endpoints)) as registry:
        reader = RecordReader(registry)
        return Found([shown(reader, record) for record in found[:limit]], searched, total)


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


def _stretch(
    consumer: Consumer, starts: Mapping[Partition, int], ends: Mapping[Partition, int], by: float
) -> list[Record]:
    pending = set(starts)
    found: list[Record] = []
    try:
        consumer.assign([TopicPartition(*at, starts[at]) for at in sorted(starts)])
        while pending and monotonic() < by:
            messages: list[Message] = []
            gather(consumer, messages.extend, wait=0.2, linger=0, limits=Limits(records=5000))
            records = map(record_of, messages)
            found += [r for r in records if r.offset < ends[r.topic, r.partition]]
            for tp in consumer.position([TopicPartition(*at) for at in pending]):
                if tp.offset >= ends[tp.topic, tp.partition]:
                    pending.discard((tp.topic, tp.partition))
    except KafkaException as error:
        raise failed("reading the newest records", error) from error
    return found

"""Why a row says what it says: the event that wrote it, and those of the same key before it.

The row knows its event's partition and offset, so that event is one read. Those before it are
looked for in the same partition, backwards no further than SCANNED records and no longer than
SECONDS: an answer says whether it has all.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition

from adapters.endpoints import RegistryEndpoint
from adapters.kafka.connection import client_configuration
from adapters.kafka.event_log import READING
from adapters.registry.client import Registry
from adapters.registry.objects import RecordReader, Undecodable
from adapters.registry.wire import UnknownSchemaId

SCANNED = 20_000
SECONDS = 3.0
SHOWN = 50

History = tuple[list[dict[str, Any]], bool]
"""Events newest first, and whether they are all."""
Historian = Callable[[str, int, int, str], History]
"""(topic, partition, offset, key) → the history up to and with that offset. May raise anything
that says that the log can't be read."""


def historian(kafka: Mapping[str, str], endpoint: RegistryEndpoint) -> Historian:
    """Reads histories from Kafka. Safe to call from several threads."""

    def history(topic: str, partition: int, offset: int, key: str) -> History:
        first = max(0, offset - SCANNED)
        with Registry.at(endpoint) as registry:
            reader = RecordReader(registry)
            found, reached = _scan(kafka, topic, partition, (first, offset), key.encode())
            events = [_shown(message, reader) for message in found[-SHOWN:]]
        return events[::-1], first == 0 and reached and len(found) <= SHOWN

    return history


def _scan(
    kafka: Mapping[str, str], topic: str, partition: int, bounds: tuple[int, int], key: bytes
) -> tuple[list[Message], bool]:
    """Messages of a key with offsets within bounds; whether the end was reached in time.

    The last one is read first: whatever time the others take, it is there.
    """
    first, last = bounds
    consumer = Consumer(client_configuration(kafka, "explain", **READING, group_id="explain"))
    try:
        deadline = time.monotonic() + SECONDS
        newest = list(_read(consumer, topic, partition, last, last, deadline))
        older = [
            m
            for m in _read(consumer, topic, partition, first, last - 1, deadline)
            if m.key() == key
        ]
        return [*older, *newest], bool(newest) and time.monotonic() < deadline
    finally:
        consumer.close()


def _read(
    consumer: Consumer, topic: str, partition: int, first: int, last: int, deadline: float
) -> Iterator[Message]:
    if first > last:
        return
    consumer.assign([TopicPartition(topic, partition, first)])
    while (left := deadline - time.monotonic()) > 0:
        for message in consumer.consume(500, timeout=min(left, 0.2)):
            if (error := message.error()) is not None:
                raise RuntimeError(error.str())
            if (message.offset() or 0) > last:
                return
            yield message
        (position,) = consumer.position([TopicPartition(topic, partition)])
        if position.offset > last:
            return


def _shown(message: Message, reader: RecordReader) -> dict[str, Any]:
    at = message.timestamp()[1]
    shown = {"offset": message.offset(), "written_at": None if at < 0 else _rfc3339(at)}
    try:
        name, fields = reader.read(message.value())
    except (Undecodable, UnknownSchemaId) as error:
        return shown | {
            "type": "undecodable",
            "changed": [],
            "origin": {},
            "state": {"error": str(error)},
        }
    inner = {k: v for k, v in fields.items() if k not in ("event_id", "origin", "changed")}
    return shown | {
        "type": name.rpartition(".")[2],
        "changed": fields["changed"],
        "origin": fields["origin"],
        "state": inner,
    }


def _rfc3339(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()

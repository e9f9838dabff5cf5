"""Taking records from a consumer: many when there are many, the first at once when there is one."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message

from adapters.event_log.connection import KafkaFailed, failed, log
from projections.ports.event_log import RecordBatch
from projections.ports.event_log import TopicPartition as Partition

_CHUNK = 500
"""`consume` is cheapest at a few hundred; it waits its whole time unless all of them come."""


_UNSUPPORTED = KafkaError(KafkaError.UNSUPPORTED_VERSION).str()


class UnsupportedByBrokers(KafkaFailed):
    """The brokers don't know a request: they are older than the protocol, or it is turned off."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much one poll may bring: twice as much is no faster, but takes 30 MB more; half as much
    spends a tenth more on each event (measured while decoding and spooling)."""

    records: int = 5_000
    bytes: int = 2 * 1024 * 1024
    """Of values, uncompressed."""


def gather(
    consumer: Consumer,
    take: Callable[[list[Message]], object],
    *,
    wait: float,
    linger: float,
    limits: BatchLimits,
) -> None:
    """Wait up to `wait` seconds for a first record, then take what is there up to the limits.

    `linger` is how long to wait for more each time: 0 for the lowest latency. `take` gets the
    records as they come, some hundreds at once. Raises KafkaFailed for an error that doesn't heal
    by itself.
    """
    room, left = limits.bytes, limits.records
    chunk = consumer.consume(1, wait)
    while chunk:
        if any(map(Message.error, chunk)):
            _judge(chunk)
            chunk = [message for message in chunk if message.error() is None]
        take(chunk)
        room -= sum(map(len, chunk))
        left -= len(chunk)
        if room <= 0 or left <= 0:
            break
        chunk = consumer.consume(_CHUNK, linger)


class Gathered:
    """Records by partition, column by column.

    What the client made of them is let go of at once: to hold thousands of its messages takes more
    time than to read them (0.5 instead of 1.3 µs per record, by what fits the processor's caches).
    """

    def __init__(self) -> None:
        self._columns: dict[Partition, _Columns] = {}

    def add(self, messages: list[Message]) -> None:
        """Put messages behind those that are there."""
        topics = set(map(Message.topic, messages))
        partitions = set(map(Message.partition, messages))
        if len(topics) == len(partitions) == 1:
            self._add((topics.pop(), partitions.pop()), messages)  # type: ignore[arg-type]
            return
        parted: dict[Any, list[Message]] = {}
        for message in messages:
            parted.setdefault((message.topic(), message.partition()), []).append(message)
        for place, its in parted.items():
            self._add(place, its)

    def leave_out(self, partitions: Collection[Partition]) -> None:
        """Forget the records of these partitions."""
        for partition in partitions:
            self._columns.pop(partition, None)

    def partitions(self) -> set[Partition]:
        """Those of which there are records."""
        return set(self._columns)

    def batches(self, positions: Mapping[Partition, int]) -> list[RecordBatch]:
        """A batch a partition; `positions` says how far each was read."""
        return [
            RecordBatch(
                *at, its.offsets, its.keys, its.values,
                max(positions.get(at, 0), its.offsets[-1] + 1),
            )
            for at, its in sorted(self._columns.items(), key=itemgetter(0))
        ]  # fmt: skip

    def _add(self, at: Partition, messages: list[Message]) -> None:
        its = self._columns.setdefault(at, _Columns())
        its.offsets += map(Message.offset, messages)  # type: ignore[arg-type]
        its.keys += map(Message.key, messages)
        its.values += map(Message.value, messages)


@dataclass(slots=True)
class _Columns:
    offsets: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)


def _judge(messages: list[Message]) -> None:
    """Raise for an error in place of a record, unless the consumer itself goes on after it."""
    for message in messages:
        error = message.error()
        if error is None:
            continue
        if error.code() in _HEALING:
            log.warning("kafka consumer", code=error.name(), error=error.str())
            continue
        if _UNSUPPORTED in error.str():
            raise UnsupportedByBrokers(f"Kafka: {error.str()}")
        where = f" {message.topic()}/{message.partition()}" if message.topic() else ""
        raise failed(f"reading{where}", error)


_HEALING = {
    KafkaError._MAX_POLL_EXCEEDED,  # it rejoins at the next poll
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
}

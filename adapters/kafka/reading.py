"""Taking records from a consumer: many when there are many, the first at once when there is one."""

from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message

from adapters.kafka.connection import KafkaFailed, failed, log
from projections.ports import RecordBatch
from projections.ports import TopicPartition as Partition

_CHUNK = 500
"""`consume` is cheapest at a few hundred; it waits its whole time unless all of them come."""


_UNSUPPORTED = KafkaError(KafkaError.UNSUPPORTED_VERSION).str()


class UnsupportedByBrokers(KafkaFailed):
    """The brokers don't know a request: they are older than the protocol, or it is turned off."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one poll may bring.

    A rebuild holds three such batches in several forms: twice as much is no faster (169,000 and
    173,000 events/s) but takes 310 MB of memory at most instead of 273 MB.
    """

    records: int = 5_000
    bytes: int = 2 * 1024 * 1024
    """Of values, uncompressed."""


def gather(
    consumer: Consumer, gathered: list[Message], *, wait: float, linger: float, limits: Limits
) -> list[Message]:
    """Wait up to `wait` seconds for a first record, then take what is there up to the limits.

    `linger` is how long to wait for more each time: 0 for the lowest latency. Records are added
    to `gathered` as they come, so that a callback of the consumer may take some out again.
    Raises KafkaFailed for an error that doesn't heal by itself.
    """
    room = limits.bytes
    chunk = consumer.consume(1, wait)
    while chunk:
        sound = [message for message in chunk if message.error() is None]
        if len(sound) < len(chunk):
            _judge(chunk)
        gathered += sound
        room -= sum(map(len, sound))
        if room <= 0 or len(gathered) >= limits.records:
            break
        chunk = consumer.consume(_CHUNK, linger)
    return gathered


def batches_of(messages: list[Message], positions: Mapping[Partition, int]) -> list[RecordBatch]:
    """Group records by partition, in order. `positions` says how far each partition was read."""
    parted: dict[Partition, list[Message]] = {}
    for message in messages:
        at: Partition = (message.topic(), message.partition())  # type: ignore[assignment]
        try:
            parted[at].append(message)
        except KeyError:
            parted[at] = [message]
    return [_batch(at, its, positions.get(at, 0)) for at, its in sorted(parted.items())]


def _batch(at: Partition, messages: list[Message], position: int) -> RecordBatch:
    offsets: list[int] = [message.offset() for message in messages]  # type: ignore[misc]
    keys = [message.key() for message in messages]
    values = [message.value() for message in messages]
    return RecordBatch(*at, offsets, keys, values, max(position, offsets[-1] + 1))


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

"""The records of one key, looked for backwards in the one partition that holds them.

A log has no index of keys: what is found costs reading what lies between. So the search goes from
the newest records to older ones, in windows that grow, and says how far it has looked. Each window
counts only when it was read whole: what is found is always the newest of its key, without a gap.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition

from adapters.event_log.connection import KafkaFailed, client_configuration, failed
from adapters.event_log.event_log import READING, STALLED_SECONDS
from adapters.event_log.tail import Record, record_of
from projections.ports.event_log import Bounds
from projections.ports.event_log import TopicPartition as Partition

_LARGEST = 20_000
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """When to stop looking; None for never."""

    offsets: int | None = None
    """Beyond the newest one."""
    found: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What was found."""

    records: tuple[Record, ...]
    """Newest first."""
    scanned: Bounds
    """Where was looked: all offsets of the partition from `first` up to `end`."""
    is_complete: bool
    """Whether these are all records of the key below `scanned.end`."""


def look_back(
    kafka: Mapping[str, str], at: Partition, key: bytes, bounds: Bounds, limits: SearchLimits
) -> History:
    """Find the records of `key` in a partition, from `bounds.end` backwards to `bounds.first`.

    Raises KafkaFailed.
    """
    deadline = time.monotonic() + (float("inf") if limits.seconds is None else limits.seconds)
    lowest = bounds.first
    if limits.offsets is not None:
        lowest = max(lowest, bounds.end - 1 - limits.offsets)
    found: list[Record] = []
    reached = bounds.end
    consumer = Consumer(client_configuration(kafka, "history", **READING, group_id="history"))
    try:
        for first, end in _windows(lowest, bounds.end):
            if limits.found is not None and len(found) >= limits.found:
                break
            records = _read(consumer, at, key, Bounds(first, end), deadline)
            if records is None:
                break
            found += records[::-1]
            reached = first
    except KafkaException as error:
        raise failed(f"reading {at[0]}/{at[1]}", error) from error
    finally:
        consumer.close()
    is_cut = limits.found is not None and len(found) > limits.found
    return History(
        tuple(found[: limits.found]),
        Bounds(reached, bounds.end),
        reached <= bounds.first and not is_cut,
    )


def _windows(first: int, end: int) -> Iterator[tuple[int, int]]:
    """The newest record alone, for it may be known to be one; then ever more at a time."""
    size = 1
    while end > first:
        start = max(first, end - size)
        yield start, end
        end, size = start, min(_LARGEST, size * 10)


def _read(
    consumer: Consumer, at: Partition, key: bytes, window: Bounds, deadline: float
) -> list[Record] | None:
    """Records of the key in a window, in their order; None where time ran out."""
    consumer.assign([TopicPartition(*at, window.first)])
    found: list[Record] = []
    position, heard = window.first, time.monotonic()
    while position < window.end:
        now = time.monotonic()
        if now >= deadline:
            return None
        if now - heard > STALLED_SECONDS:
            raise KafkaFailed(f"Kafka: nothing came for {STALLED_SECONDS:.0f} s from {at}")
        wanted = min(_AT_ONCE, window.end - position)
        for message in consumer.consume(wanted, timeout=min(deadline - now, 0.2)):
            if (error := message.error()) is not None:
                raise failed(f"reading {at[0]}/{at[1]}", error)
            if message.key() == key and (message.offset() or 0) < window.end:
                found.append(record_of(message))
        # Beyond the last record there may be markers, which only the position passes.
        (reached,) = consumer.position([TopicPartition(*at)])
        if reached.offset > position:
            position, heard = reached.offset, now
    return found

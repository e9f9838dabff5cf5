"""The event topics as the projection engine reads them: replayed to an end, or followed for ever.

Where to start is always the caller's word, never the brokers': group offsets are written for
monitoring only, and a position that the log doesn't hold is an error, not a jump. Prefetching is
bounded so that a worker stays small beside any backlog.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, TopicPartition

from adapters.event_log.connection import (
    KafkaFailed,
    Statistics,
    client_configuration,
    failed,
    reporting,
)
from adapters.event_log.reading import BatchLimits, Gathered, gather
from adapters.event_log.subscription import CLASSIC, GroupSubscription, OnArrival
from adapters.event_log.topic_plans import history_violations
from adapters.event_log.topics import Topics
from projections.ports.event_log import Bounds, RecordBatch, Subscription
from projections.ports.event_log import TopicPartition as Partition

LINGER = 0.002
"""Seconds for which a replay waits for more, once in each partition at least: at its end."""
STALLED_SECONDS = 120.0
"""A replay that gets nothing for so long fails: its end is known to be there."""

READING = {
    "enable_auto_commit": False,
    "enable_auto_offset_store": False,
    "auto_offset_reset": "error",
    "isolation_level": "read_committed",
    # What is fetched is compressed and counted so: ten times this may lie in memory. Small fetches
    # are also the fast ones here (measured: 256 KiB 680k records/s, 2 MiB 390k/s and 160 MB more).
    "queued_max_messages_kbytes": 4 * 1024,
    "fetch_max_bytes": 2 * 1024 * 1024,
    "max_partition_fetch_bytes": 256 * 1024,
    # librdkafka waits a second after its queue was full: that is a fifth of the throughput
    "fetch_queue_backoff_ms": 10,
}


REPLAYING = {
    # A rebuild reads one partition after another: larger fetches of each, and no waiting at its end
    # (measured: 480k records/s become a million; 16 MB queued would make 1.5 million of it, faster
    # than anybody decodes, and take 60 MB more).
    "max_partition_fetch_bytes": 512 * 1024,
    "queued_max_messages_kbytes": 2 * 1024,
    "fetch_wait_max_ms": 10,
}


class KafkaEventLog:
    """Implements `projections.ports.event_log.EventLog`.

    `group_protocol` is "consumer" (KIP-848) or "classic"; brokers that lack the first get the
    second by themselves. `statistics` gets librdkafka's of a group's members, `on_arrival` their
    records; of a replay nobody is told.
    """

    def __init__(
        self,
        kafka: Mapping[str, str],
        *,
        group_protocol: str = "consumer",
        limits: BatchLimits | None = None,
        statistics: Statistics | None = None,
        on_arrival: OnArrival | None = None,
    ) -> None:
        self._kafka = kafka
        self._on_arrival = on_arrival
        self._statistics = statistics
        self._group_protocol = group_protocol
        self._limits = limits or BatchLimits()
        self._topics = Topics(kafka)

    def bounds(self, topics: Sequence[str]) -> dict[Partition, Bounds]:
        """Bounds of every partition. Raises KafkaFailed where a topic doesn't exist."""
        return self._topics.bounds(topics)

    def topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        """See the port. Raises KafkaFailed where a topic doesn't exist."""
        return self._topics.ids(topics)

    def violations(self, topics: Sequence[str]) -> list[str]:
        """Why the history of these topics isn't whole, or will not stay so."""
        states = self._topics.states(topics)
        missing = [f"{name} doesn't exist" for name in topics if name not in states]
        return missing + [fault for state in states.values() for fault in history_violations(state)]

    def replay(
        self, positions: Mapping[Partition, int], until: Mapping[Partition, int]
    ) -> Iterator[list[RecordBatch]]:
        """Read the partitions of `until` from `positions` (absent: 0) until all have reached it.

        Raises KafkaFailed when a position isn't in the log, or nothing comes any more.
        """
        start = {partition: positions.get(partition, 0) for partition in until}
        pending = {partition for partition, end in until.items() if start[partition] < end}
        if not pending:
            return
        settings = READING | REPLAYING | {"group_id": "catalog-replay"}
        consumer = Consumer(client_configuration(self._kafka, "replay", **settings))
        try:
            consumer.assign([TopicPartition(*tp, start[tp]) for tp in sorted(pending)])
            heard = time.monotonic()
            while pending:
                gathered = Gathered()
                gather(consumer, gathered.add, wait=0.05, linger=LINGER, limits=self._limits)
                reached = _positions(consumer, pending)
                batches = gathered.batches(reached)
                if any(reached[tp] > start[tp] for tp in reached):
                    heard = time.monotonic()
                elif time.monotonic() - heard > STALLED_SECONDS:
                    raise KafkaFailed(
                        f"Kafka: nothing came for {STALLED_SECONDS:.0f} s while reading"
                        f" {', '.join(f'{t}/{p}' for t, p in sorted(pending))} up to its end:"
                        " are all brokers there?"
                    )
                start |= reached
                done = {tp for tp in pending if start[tp] >= until[tp]}
                if done:
                    consumer.pause([TopicPartition(*tp) for tp in done])
                    pending -= done
                if batches:
                    yield batches
        except KafkaException as error:
            raise failed("replay", error) from error
        finally:
            consumer.close()

    def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        on_assign: Callable[[Sequence[Partition]], Mapping[Partition, int]],
        on_lost: Callable[[Sequence[Partition]], None],
    ) -> Subscription:
        """Join a consumer group; the callbacks run inside `poll`."""
        configuration = self._configuration(
            "worker", group_id=group, group_protocol="consumer", **reporting(self._statistics)
        )
        if self._group_protocol == "classic":
            configuration |= CLASSIC
        return GroupSubscription(
            configuration, topics, on_assign, on_lost, self._limits, self._on_arrival
        )

    def _configuration(self, role: str, **settings: Any) -> dict[str, Any]:
        return client_configuration(self._kafka, role, **READING, **settings)


def _positions(consumer: Consumer, partitions: set[Partition]) -> dict[Partition, int]:
    """Positions of those partitions of which anything was read."""
    asked = [TopicPartition(*partition) for partition in partitions]
    return {
        (tp.topic, tp.partition): tp.offset
        for tp in consumer.position(asked)
        if tp.offset != OFFSET_INVALID
    }

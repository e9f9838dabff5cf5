"""Brokers in memory, as far as a translator meets them: one capture topic, a group, transactions.

What a client does is plain; what goes wrong, and in which order partitions arrive, a test says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

Callback = Callable[[Any, list[TopicPartition]], None]


class Killed(Exception):
    """The process is gone."""


@dataclass
class MemoryBrokers:
    """A capture topic and what is committed: offsets of the group, events of transactions."""

    topic: str
    records: list[list[Message]]
    """By partition."""
    committed: dict[int, TopicPartition] = field(default_factory=dict)
    written: list[tuple[bytes, bytes]] = field(default_factory=list)
    """(key, value) of events, in order."""
    arrival: list[int] = field(default_factory=list)
    """Partitions whose records the next poll brings, one each; then there is nothing for now."""
    fault: str | None = None
    """Step of a transaction that fails once: begin, produce, offsets or commit; or the process is
    killed before or after the commit."""

    def append(self, partition: int, key: bytes, value: bytes) -> None:
        """Capture writes a record."""
        offset = len(self.records[partition])
        record = Message(topic=self.topic, partition=partition, offset=offset, key=key, value=value)
        self.records[partition].append(record)

    def fail(self, step: str) -> None:
        """Fail here if a test wants so."""
        if self.fault == step:
            self.fault = None
            if step.startswith("killed"):
                raise Killed
            raise KafkaException(KafkaError(KafkaError._STATE, f"{step} refused"))


class MemoryConsumer:
    """A member of the group. It has the partitions that a test gives it."""

    def __init__(self, brokers: MemoryBrokers) -> None:
        self._brokers = brokers
        self.positions: dict[int, int] = {}

    def subscribe(
        self, _: object, *, on_assign: Callback, on_revoke: Callback, **__: object
    ) -> None:
        """See the client."""
        self._on_assign, self._on_revoke = on_assign, on_revoke

    def give(self, partitions: Sequence[int]) -> None:
        """The group assigns partitions."""
        self._on_assign(self, [TopicPartition(self._brokers.topic, one) for one in partitions])

    def take(self, partition: int) -> None:
        """The group revokes a partition."""
        self._on_revoke(self, [TopicPartition(self._brokers.topic, partition)])
        del self.positions[partition]

    def incremental_assign(self, partitions: Sequence[TopicPartition]) -> None:
        """See the client."""
        self.positions |= {one.partition: max(0, one.offset) for one in partitions}

    def committed(
        self, partitions: Sequence[TopicPartition], timeout: float
    ) -> list[TopicPartition]:
        """See the client."""
        return [
            self._brokers.committed.get(one.partition, TopicPartition(one.topic, one.partition))
            for one in partitions
        ]

    def consumer_group_metadata(self) -> object:
        """See the client."""
        return self

    def poll(self, _: float) -> Message | None:
        """See the client."""
        arrival = self._brokers.arrival
        while arrival:
            partition = arrival.pop(0)
            at = self.positions.get(partition)
            if at is not None and at < len(self._brokers.records[partition]):
                self.positions[partition] = at + 1
                return self._brokers.records[partition][at]
        return None

    def consume(self, _: int, timeout: float) -> list[Message]:
        """See the client."""
        return list(iter(lambda: self.poll(timeout), None))

    def seek(self, to: TopicPartition) -> None:
        """See the client."""
        if to.partition not in self.positions:
            raise KafkaException(KafkaError(KafkaError._STATE, "not assigned"))
        self.positions[to.partition] = max(0, to.offset)

    def close(self) -> None:
        """See the client."""


class MemoryProducer:
    """A producer of transactions."""

    def __init__(self, brokers: MemoryBrokers) -> None:
        self._brokers = brokers
        self._events: list[tuple[bytes, bytes]] = []
        self._offsets: Sequence[TopicPartition] = ()

    def begin_transaction(self) -> None:
        """See the client."""
        self._brokers.fail("begin")

    def produce(self, _: str, value: bytes, key: bytes) -> None:
        """See the client."""
        self._brokers.fail("produce")
        self._events.append((key, value))

    def send_offsets_to_transaction(self, offsets: Sequence[TopicPartition], *_: object) -> None:
        """See the client."""
        self._brokers.fail("offsets")
        self._offsets = offsets

    def commit_transaction(self, _: float) -> None:
        """See the client."""
        self._brokers.fail("commit")
        self._brokers.fail("killed before")
        self._brokers.written += self._events
        self._brokers.committed |= {one.partition: one for one in self._offsets}
        self.abort_transaction(0)
        self._brokers.fail("killed after")

    def abort_transaction(self, _: float) -> None:
        """See the client."""
        self._events, self._offsets = [], ()

"""Membership of a consumer group whose positions are kept elsewhere.

The group only divides the partitions. Each newly assigned one starts where the caller's own
checkpoint says; what was read of a revoked one and not yet handed over is dropped. A member that
lost its place keeps believing for a while: the caller's checkpoint has to fence it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from adapters.event_log.connection import failed, log
from adapters.event_log.reading import BatchLimits, Gathered, UnsupportedByBrokers, gather
from projections.ports.event_log import RecordBatch
from projections.ports.event_log import TopicPartition as Partition

OnAssign = Callable[[Sequence[Partition]], Mapping[Partition, int]]
OnLost = Callable[[Sequence[Partition]], None]
OnArrival = Callable[[Sequence[Message]], None]

CLASSIC = {"group.protocol": "classic", "partition.assignment.strategy": "cooperative-sticky"}


class GroupSubscription:
    """Implements `projections.ports.event_log.Subscription`. Used from one thread."""

    def __init__(
        self,
        configuration: dict[str, Any],
        topics: Sequence[str],
        on_assign: OnAssign,
        on_lost: OnLost,
        limits: BatchLimits,
        on_arrival: OnArrival | None = None,
    ) -> None:
        """`on_arrival` gets the records of each poll before they are handed over."""
        self._on_arrival = on_arrival
        self._on_assign, self._on_lost = on_assign, on_lost
        self._limits = limits
        self._gathered = Gathered()
        self._arrived: list[Message] = []
        self._positions: dict[Partition, int] = {}
        """Of the assigned partitions: up to where they were handed over."""
        self._configuration = configuration | {"on_commit": _note_commit}
        self._topics = list(topics)
        self._consumer = self._join()

    def poll(self, timeout: float) -> list[RecordBatch]:
        """Return what is there; wait at most `timeout` seconds for a first record.

        A partition whose position moved without a record (transaction markers) has an empty batch.
        Raises KafkaFailed for an error that doesn't heal by itself.
        """
        self._gathered, self._arrived = Gathered(), []
        try:
            gather(self._consumer, self._take, wait=timeout, linger=0, limits=self._limits)
            reached = self._reached()
        except UnsupportedByBrokers:
            if self._configuration["group.protocol"] == "classic":
                raise
            self._fall_back()
            return []
        except KafkaException as error:
            raise failed("following the event topics", error) from error
        # a revocation may come in the midst of the last chunk
        self._leave_out(self._gathered.partitions() - self._positions.keys())
        if self._on_arrival is not None:
            self._on_arrival(self._arrived)
        batches = self._gathered.batches(reached)
        read = {(batch.topic, batch.partition) for batch in batches}
        batches += [
            RecordBatch(*partition, (), (), (), position)
            for partition, position in sorted(reached.items())
            if partition not in read and position > self._positions[partition]
        ]
        for batch in batches:
            self._positions[batch.topic, batch.partition] = batch.next_offset
        return batches

    def seek(self, positions: Mapping[Partition, int]) -> None:
        """Go on from these positions; partitions that aren't assigned are ignored."""
        for partition, offset in positions.items():
            if partition in self._positions:
                try:
                    self._consumer.seek(TopicPartition(*partition, offset))
                except KafkaException as error:
                    raise failed(f"seek in {partition[0]}/{partition[1]}", error) from error
                self._positions[partition] = offset

    def note_progress(self, positions: Mapping[Partition, int]) -> None:
        """Commit group offsets of assigned partitions, without waiting, for monitoring only."""
        offsets = [
            TopicPartition(*partition, offset)
            for partition, offset in positions.items()
            if partition in self._positions
        ]
        if offsets:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=True)
            except KafkaException as error:
                _note_commit(error.args[0], offsets)

    def close(self) -> None:
        """Leave the group; the partitions still held are reported as lost."""
        self._consumer.close()

    def _take(self, messages: list[Message]) -> None:
        self._gathered.add(messages)
        if self._on_arrival is not None:
            self._arrived += messages

    def _leave_out(self, partitions: set[Partition]) -> None:
        self._gathered.leave_out(partitions)
        self._arrived = [m for m in self._arrived if (m.topic(), m.partition()) not in partitions]

    def _join(self) -> Consumer:
        consumer = Consumer(self._configuration)
        consumer.subscribe(
            self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )
        return consumer

    def _fall_back(self) -> None:
        """Join again with the protocol that every broker knows."""
        log.warning("the brokers lack the group protocol of KIP-848: going on with the classic one")
        self._consumer.close()
        self._configuration |= CLASSIC
        self._consumer = self._join()

    def _reached(self) -> dict[Partition, int]:
        asked = [TopicPartition(*partition) for partition in self._positions]
        if not asked:
            return {}
        return {
            (tp.topic, tp.partition): tp.offset
            for tp in self._consumer.position(asked)
            if tp.offset != OFFSET_INVALID
        }

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        new = [(tp.topic, tp.partition) for tp in partitions]
        positions = dict(self._on_assign(new)) if new else {}
        self._positions |= {partition: positions[partition] for partition in new}
        consumer.incremental_assign([TopicPartition(*at, positions[at]) for at in new])

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        lost = {(tp.topic, tp.partition) for tp in partitions}
        for partition in lost:
            self._positions.pop(partition, None)
        self._leave_out(lost)
        self._on_lost(sorted(lost))
        consumer.incremental_unassign(partitions)


def _note_commit(error: KafkaError | None, partitions: Sequence[TopicPartition]) -> None:
    """Log a failed commit: only monitoring lags then."""
    if error is not None:
        log.debug("group offsets not committed", code=error.name(), partitions=len(partitions))

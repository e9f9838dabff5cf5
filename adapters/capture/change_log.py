"""Reading the capture topics as a member of a group whose offsets carry a memory of repeats.

The group's protocol is the classic one with a static member: a process that was killed and starts
again takes its partitions back at once. Under KIP-848 the broker keeps a killed member's partitions
until its session ends (45 s by default), static or not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import structlog
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from adapters.event_log.connection import (
    REQUEST_SECONDS,
    KafkaFailed,
    Statistics,
    client_configuration,
    failed,
    reporting,
)
from domain.translation.repeats import Repeats

log = structlog.get_logger("translate")

_MOST_RECORDS = 10_000
_MOST_BYTES = 16 * 1024 * 1024


@dataclass(slots=True)
class PartitionMemory:
    """Where translation stands in a partition."""

    next_offset: int
    """The next record to read; -2 (the beginning) before the first."""
    repeats: Repeats
    committed: tuple[int, str | None]
    """Offset and memory as last committed: where an aborted transaction goes back to."""
    parked: set[bytes] | None = None
    """Keys of the topic's parked records, none missing of this partition; None before asked.
    Asked for with each assignment, since who had the partition before may have parked some."""


@dataclass(slots=True)
class CaptureMember:
    """Membership of the group that translates. Used from one thread."""

    kafka: Mapping[str, str]
    group: str
    instance: str
    """Name of this process among the group's; the same after a restart."""
    topics: Sequence[str]
    statistics: Statistics | None = None
    partitions: dict[tuple[str, int], PartitionMemory] = field(default_factory=dict)
    _consumer: Consumer = field(init=False)
    _unknown: set[str] = field(default_factory=set)
    _is_closing: bool = False

    def __post_init__(self) -> None:
        self._consumer = Consumer(
            client_configuration(
                self.kafka,
                f"translate-{self.instance}",
                group_id=self.group,
                group_protocol="classic",
                group_instance_id=self.instance,
                partition_assignment_strategy="cooperative-sticky",
                session_timeout_ms=6_000,
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                auto_offset_reset="error",
                isolation_level="read_committed",
                # A capture topic may appear after us, with its table's first row
                topic_metadata_refresh_interval_ms=5_000,
                fetch_wait_max_ms=100,
                fetch_queue_backoff_ms=10,
                queued_max_messages_kbytes=32 * 1024,
                **reporting(self.statistics),
            )
        )
        self._consumer.subscribe(
            list(self.topics), on_assign=self._assigned, on_revoke=self._gone, on_lost=self._gone
        )

    def poll(self, seconds: float) -> list[Message]:
        """Records that are there, up to a size bound; waits at most `seconds` for the first.

        Only records not seen before this poll, of partitions that are still ours.
        Raises KafkaFailed where reading can't go on.
        """
        first = self._consumer.poll(seconds)
        if first is None:
            return []
        found = [first]
        size = len(first)
        while len(found) < _MOST_RECORDS and size < _MOST_BYTES:
            more = self._consumer.consume(500, 0)
            if not more:
                break
            found += more
            size += sum(map(len, more))
        return [one for one in found if self._is_record(one)]

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return (message.topic(), message.partition()) in self.partitions
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise KafkaFailed(
                f"the history of {message.topic()}/{message.partition()} is not where translation "
                f"left it ({error.str()}): the topic was made anew or has lost records. Give the "
                f"group {self.group} offsets that exist, or translate into new topics"
            )
        if error.code() in (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID):
            raise KafkaFailed(
                f"translation instance {self.instance!r} was taken over by another process of the "
                f"same name ({error.str()}); give each its own (--instance)"
            )
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            if message.topic() not in self._unknown:
                self._unknown.add(str(message.topic()))
                log.info("capture topic isn't there yet", topic=message.topic())
            return False
        log.warning("reading", topic=message.topic(), code=error.name(), error=error.str())
        return False

    def offsets(self) -> list[TopicPartition]:
        """Positions and memories to commit: of all partitions that moved."""
        return [
            TopicPartition(topic, partition, at.next_offset, at.repeats.to_text())
            for (topic, partition), at in self.partitions.items()
            if at.next_offset != at.committed[0]
        ]

    def metadata(self) -> Any:
        """The membership, by which the brokers fence offsets of a member that was replaced."""
        return self._consumer.consumer_group_metadata()

    def note_committed(self, offsets: Sequence[TopicPartition]) -> None:
        """The transaction with these offsets is committed."""
        for one in offsets:
            if at := self.partitions.get((one.topic, one.partition)):
                at.committed = (one.offset, one.metadata)

    def rewind(self, messages: Sequence[Message]) -> None:
        """Go back to before these messages, which one poll gave: their transaction was aborted.

        Those that nobody looked at yet too: reading has passed them as well.
        """
        read = {(cast(str, one.topic()), cast(int, one.partition())) for one in messages}
        for topic, partition in read:
            at = self.partitions[topic, partition]
            at.next_offset, memory = at.committed
            at.repeats = Repeats.from_text(memory)
            try:
                self._consumer.seek(TopicPartition(topic, partition, at.next_offset))
            except KafkaException as error:
                # Reading on from here would leave records out: better to start anew.
                raise failed(f"going back in {topic}/{partition}", error) from error

    def close(self) -> None:
        """Stop reading. The membership lasts until its session ends, for a restart to take up."""
        self._is_closing = True
        self._consumer.close()

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._is_closing:  # nobody would read them, and the group doesn't answer any more
            return
        try:
            committed = consumer.committed(partitions, timeout=REQUEST_SECONDS)
        except KafkaException as error:
            raise failed("committed offsets of translation", error) from error
        for one in committed:
            if one.error is not None:
                raise KafkaFailed(f"committed offsets of {one.topic}: {one.error.str()}")
            one.offset = one.offset if one.offset >= 0 else OFFSET_BEGINNING
            try:
                repeats = Repeats.from_text(one.metadata)
            except ValueError as problem:
                raise KafkaFailed(f"committed offsets of {one.topic}: {problem}") from None
            self.partitions[one.topic, one.partition] = PartitionMemory(
                one.offset, repeats, (one.offset, one.metadata)
            )
        consumer.incremental_assign(
            [TopicPartition(one.topic, one.partition, one.offset) for one in committed]
        )
        log.info("partitions assigned", count=len(partitions))

    def _gone(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for one in partitions:
            self.partitions.pop((one.topic, one.partition), None)
        log.info("partitions revoked", count=len(partitions))

"""The change topics as a member of the group that translates reads them.

The group's protocol is the classic one with a static member: a process that was killed and starts
again takes its partitions back at once. Under KIP-848 the broker keeps a killed member's partitions
until its session ends (45 s by default), static or not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from adapters.event_log.connection import (
    REQUEST_SECONDS,
    Statistics,
    client_configuration,
    failed,
    is_lasting,
    reporting,
)
from adapters.telemetry.headers import headers_of
from domain.failures import Failure, Refused
from projections.ports.change_log import (
    ChangeBatch,
    Membership,
    OnAssign,
    OnLost,
    Position,
    RecordDetails,
    Superseded,
)
from projections.ports.event_log import TopicPartition as Partition

log = structlog.get_logger("translate")

_MOST_RECORDS = 10_000
_MOST_BYTES = 16 * 1024 * 1024
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class ChangeGroup:
    """The group that translates, and one member's name in it."""

    group: str
    instance: str
    """Name of this process among the group's; the same after a restart."""
    topics: Sequence[str]
    """Change topics; they may appear later."""


class KafkaChangeLog:
    """Implements `projections.ports.change_log.ChangeLog`."""

    def __init__(
        self,
        kafka: Mapping[str, str],
        membership: ChangeGroup,
        on_assign: OnAssign,
        on_lost: OnLost,
        statistics: Statistics | None = None,
    ) -> None:
        """Join the group; `statistics` gets librdkafka's now and then."""
        self._group = membership
        self._on_assign, self._on_lost = on_assign, on_lost
        self._assigned: set[Partition] = set()
        self._unknown: set[str] = set()
        self._is_closing = False
        self._consumer = Consumer(
            client_configuration(
                kafka,
                f"translate-{membership.instance}",
                group_id=membership.group,
                group_protocol="classic",
                group_instance_id=membership.instance,
                partition_assignment_strategy="cooperative-sticky",
                session_timeout_ms=6_000,
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                auto_offset_reset="error",
                isolation_level="read_committed",
                # A change topic may appear after us, with its table's first row
                topic_metadata_refresh_interval_ms=5_000,
                fetch_wait_max_ms=100,
                fetch_queue_backoff_ms=10,
                queued_max_messages_kbytes=32 * 1024,
                **reporting(statistics),
            )
        )
        self._consumer.subscribe(
            list(membership.topics),
            on_assign=self._note_assigned,
            on_revoke=self._note_lost,
            on_lost=self._note_lost,
        )

    def poll(self, timeout: float) -> list[ChangeBatch]:
        """See the port: up to 10,000 records or 16 MiB."""
        first = self._consumer.poll(timeout)
        if first is None:
            return []
        found: dict[Partition, list[Message]] = {}
        chunk, left, room = [first], _MOST_RECORDS, _MOST_BYTES
        while chunk:
            if any(map(Message.error, chunk)):
                chunk = [message for message in chunk if self._is_record(message)]
            _group_by_partition(chunk, found)
            left -= len(chunk)
            room -= sum(map(len, chunk))
            if left <= 0 or room <= 0:
                break
            chunk = self._consumer.consume(_CHUNK, 0)
        # A revocation may come in the midst of the last chunk
        return [batch_of(at, its) for at, its in found.items() if at in self._assigned]

    def rewind(self, positions: Mapping[Partition, int | None]) -> None:
        """See the port."""
        for at, offset in positions.items():
            if at in self._assigned:
                try:
                    self._consumer.seek(TopicPartition(*at, _offset(offset)))
                except KafkaException as error:
                    # Reading on from here would leave records out
                    raise failed(f"going back in {at[0]}/{at[1]}", error) from error

    def pause(self, partitions: Sequence[Partition]) -> None:
        """See the port."""
        try:
            self._consumer.pause([TopicPartition(*at) for at in partitions])
        except KafkaException as error:
            raise failed("pausing", error) from error

    def membership(self) -> Membership:
        """See the port."""
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """Stop reading. The membership lasts until its session ends, for a restart to take up."""
        self._is_closing = True
        self._consumer.close()

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise Refused(
                f"the history of {message.topic()}/{message.partition()} is not where translation "
                f"left it ({error.str()}): the topic was made anew or has lost records. Give the "
                f"group {self._group.group} offsets that exist, or translate into new topics"
            )
        if error.code() in (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID):
            raise Superseded(
                f"the membership {self._group.instance!r} of {self._group.group} was taken over "
                f"({error.str()})"
            )
        if is_lasting(error):
            raise failed(f"reading {message.topic()}", error)
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            if message.topic() not in self._unknown:
                self._unknown.add(str(message.topic()))
                log.info("change topic isn't there yet", topic=message.topic())
            return False
        log.warning("reading", topic=message.topic(), code=error.name(), error=error.str())
        return False

    def _note_assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._is_closing:  # nobody would read them, and the group doesn't answer any more
            return
        starts = self._on_assign(_committed(consumer, self._group.group, partitions))
        self._assigned |= starts.keys()
        consumer.incremental_assign(
            [TopicPartition(*at, _offset(offset)) for at, offset in starts.items()]
        )

    def _note_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        lost = [(one.topic, one.partition) for one in partitions]
        self._assigned.difference_update(lost)
        self._on_lost(lost)


class KafkaGroupPositions:
    """Implements `projections.ports.change_log.GroupPositions`."""

    def __init__(self, kafka: Mapping[str, str], group: str) -> None:
        self._group = group
        self._consumer = Consumer(
            client_configuration(
                kafka, "positions", group_id=group, isolation_level="read_committed"
            )
        )

    def read(self, partition: Partition) -> Position | None:
        """See the port."""
        return self.read_all([partition])[partition]

    def read_all(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position | None]:
        """Several at once."""
        asked = [TopicPartition(*at) for at in partitions]
        return _committed(self._consumer, self._group, asked)

    def write(self, positions: Mapping[Partition, Position]) -> None:
        """Set positions of a group that has no members now. Raises Refused where it has some."""
        offsets = [TopicPartition(*at, one.offset, one.note) for at, one in positions.items()]
        try:
            answers = self._consumer.commit(offsets=offsets, asynchronous=False) or []
        except KafkaException as error:
            raise self._not_set(error.args[0]) from error
        for one in answers:
            if one.error is not None:
                raise self._not_set(one.error)

    def _not_set(self, error: KafkaError) -> Failure:
        if error.code() == KafkaError.UNKNOWN_MEMBER_ID:
            return Refused(f"the group {self._group} has members: stop its processes first")
        return failed(f"setting positions of {self._group}", error)

    def membership(self) -> Membership:
        """See the port."""
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """See the port."""
        self._consumer.close()


def _committed(
    consumer: Consumer, group: str, partitions: Sequence[TopicPartition]
) -> dict[Partition, Position | None]:
    """Positions of a group. Raises KafkaUnavailable, KafkaMisconfigured."""
    if not partitions:
        return {}
    try:
        found = consumer.committed(list(partitions), timeout=REQUEST_SECONDS)
    except KafkaException as error:
        raise failed(f"positions of {group}", error) from error
    for one in found:
        if one.error is not None:
            raise failed(f"position of {group} in {one.topic}/{one.partition}", one.error)
    return {
        (one.topic, one.partition): Position(one.offset, one.metadata or "")
        if one.offset >= 0
        else None
        for one in found
    }


def _offset(offset: int | None) -> int:
    return OFFSET_BEGINNING if offset is None else offset


def _group_by_partition(messages: list[Message], found: dict[Partition, list[Message]]) -> None:
    places = list(zip(map(Message.topic, messages), map(Message.partition, messages), strict=True))
    if len(set(places)) == 1:
        found.setdefault(places[0], []).extend(messages)  # type: ignore[arg-type]
        return
    for place, message in zip(places, messages, strict=True):
        found.setdefault(place, []).append(message)  # type: ignore[arg-type]


def batch_of(at: Partition, messages: Sequence[Message]) -> ChangeBatch:
    """Records of one partition, none of them an error."""
    return ChangeBatch(
        *at,
        list(map(Message.offset, messages)),  # type: ignore[arg-type]
        list(map(Message.key, messages)),
        list(map(Message.value, messages)),
        partial(_details, messages),
    )


def _details(messages: Sequence[Message], index: int) -> RecordDetails:
    message = messages[index]
    kind, milliseconds = message.timestamp()
    return RecordDetails(
        headers_of(message), None if kind == TIMESTAMP_NOT_AVAILABLE else milliseconds
    )

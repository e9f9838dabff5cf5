"""Carries the events of a topic over into another one, in order by key, exactly once.

Partitions can be added to a topic, but not taken back: from then on a key's events may lie in two
partitions. So all partitions are read side by side and merged by the time at which each record was
written; within a partition the order stays what it is. Every transaction writes records and how far
the former partitions are carried over, so whoever was killed goes on exactly there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from time import monotonic

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from adapters.event_log.change_log import KafkaGroupPositions
from adapters.event_log.connection import KafkaFailed, client_configuration, failed
from adapters.event_log.event_log import READING, STALLED_SECONDS
from adapters.event_log.event_writer import KafkaEventWriter
from adapters.event_log.topics import Topics
from domain.failures import Failure, Refused
from projections.ports.change_log import Position
from projections.ports.event_log import TopicPartition as Partition
from projections.ports.event_writer import OutgoingEvent

AT_ONCE = 2_000
"""Records of a transaction."""
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Carrying:
    """What is carried over: each topic into another one, on behalf of a group of its own."""

    kafka: Mapping[str, str]
    names: Mapping[str, str]
    """Former name → new name; all of them exist."""
    group: str
    """Its positions in the former topics say how far it came; its name is the transactions'."""


def carry_over(carrying: Carrying, report: Callable[[str, int], None]) -> dict[Partition, int]:
    """Carry over what is not carried over yet, up to where the former topics end now.

    `report` gets a former topic's name and how many records were carried over just now. Returns
    those ends. Raises KafkaFailed; Refused where new topics hold records that nobody has carried
    there.
    """
    kafka, topics = carrying.kafka, Topics(carrying.kafka)
    bounds = topics.bounds(list(carrying.names))
    ends = {at: its.end for at, its in bounds.items()}
    with (
        closing(KafkaEventWriter(kafka, carrying.group)) as writer,
        closing(KafkaGroupPositions(kafka, carrying.group)) as positions,
    ):
        noted = positions.read_all(list(ends))
        _require_ours(carrying, topics, noted)
        # What a killed transaction leaves in the new topics is seen to be ours by these
        if begun := {at: Position(0) for at, its in noted.items() if its is None}:
            positions.write(begun)
        for former, new in carrying.names.items():
            its_ends = {at: end for at, end in ends.items() if at[0] == former}
            starts = {at: noted_at.offset if (noted_at := noted[at]) else 0 for at in its_ends}
            carried = 0
            for count in _carry(kafka, new, starts, its_ends, writer, positions):
                carried += count
                report(former, carried)
    return ends


def _require_ours(
    carrying: Carrying, topics: Topics, noted: Mapping[Partition, Position | None]
) -> None:
    begun = {topic for (topic, _), position in noted.items() if position is not None}
    for former, new in carrying.names.items():
        if former not in begun and any(b.end for b in topics.bounds([new]).values()):
            raise Refused(
                f"topic {new} holds records already, and none of {former} is known to be carried"
                " over: name another prefix, or delete the topics of this one"
            )


def _carry(
    kafka: Mapping[str, str],
    new: str,
    starts: Mapping[Partition, int],
    ends: Mapping[Partition, int],
    writer: KafkaEventWriter,
    positions: KafkaGroupPositions,
) -> Iterator[int]:
    """Records of one topic; yields the number of each transaction's, when it is committed."""
    if all(starts[at] >= end for at, end in ends.items()):
        return
    with ExitStack() as stack:
        readers = []
        for number, at in enumerate(sorted(ends)):
            settings = READING | {"group_id": "catalog-carry-over"}
            consumer = Consumer(client_configuration(kafka, f"carry-over-{number}", **settings))
            stack.callback(consumer.close)
            readers.append(_records(consumer, at, starts[at], ends[at]))
        records = merge(*readers, key=_written_at)
        while chunk := list(islice(records, AT_ONCE)):
            reached = {_place(one): Position((one.offset() or 0) + 1) for one in chunk}
            _commit(writer, new, chunk, reached, positions)
            yield len(chunk)
    # Where only transaction markers were left there was no record to note
    _commit(writer, new, [], {at: Position(end) for at, end in ends.items()}, positions)
    yield 0


def _commit(
    writer: KafkaEventWriter,
    new: str,
    records: Sequence[Message],
    reached: Mapping[Partition, Position],
    positions: KafkaGroupPositions,
) -> None:
    writer.begin()
    try:
        for one in records:
            event = OutgoingEvent(new, one.key(), one.value())  # type: ignore[arg-type]
            writer.write(event, one.headers() or None, written_at=_written_at(one))  # type: ignore[arg-type]
        writer.commit(reached, positions.membership())
    except Failure:
        writer.abort()
        raise


def _records(consumer: Consumer, at: Partition, start: int, end: int) -> Iterator[Message]:
    """Records of a partition from `start` up to `end`, in order."""
    position, heard = start, monotonic()
    try:
        consumer.assign([TopicPartition(*at, start)])
        while position < end:
            for message in consumer.consume(_CHUNK, 0.1):
                if (error := message.error()) is not None:
                    raise failed(f"reading {at[0]}/{at[1]}", error)
                if (message.offset() or 0) < end:
                    yield message
            (reached,) = consumer.position([TopicPartition(*at)])
            if reached.offset > position:
                position, heard = reached.offset, monotonic()
            elif monotonic() - heard > STALLED_SECONDS:
                raise KafkaFailed(
                    f"Kafka: nothing came for {STALLED_SECONDS:.0f} s while reading {at[0]}/{at[1]}"
                    " up to its end: are all brokers there?"
                )
    except KafkaException as error:
        raise failed(f"reading {at[0]}/{at[1]}", error) from error


def _written_at(message: Message) -> int:
    return max(0, message.timestamp()[1])


def _place(message: Message) -> Partition:
    return message.topic() or "", message.partition() or 0

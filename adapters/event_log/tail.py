"""Reading topics to look at them: from an instant on, in no group, leaving no trace."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from confluent_kafka import OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from adapters.event_log.connection import REQUEST_SECONDS, client_configuration, failed
from adapters.event_log.event_log import READING
from adapters.event_log.reading import BatchLimits, gather
from adapters.event_log.topics import Topics

Start = datetime | Literal["beginning", "end"]


@dataclass(frozen=True, slots=True)
class Record:
    """One raw record."""

    topic: str
    partition: int
    offset: int
    written_at: datetime | None
    key: bytes | None
    value: bytes | None


def read_topics(
    kafka: Mapping[str, str], topics: Sequence[str], start: Start, *, follow: bool
) -> Generator[Record]:
    """Yield the records of all partitions from `start` on, in order a partition.

    Ends at what is the end now, unless `follow`. Raises KafkaFailed.
    """
    bounds = Topics(kafka).bounds(topics)
    consumer = Consumer(client_configuration(kafka, "tail", **READING, group_id="catalog-tail"))
    try:
        position = {
            at: min(max(first, bounds[at].first), bounds[at].end)
            for at, first in _starts(consumer, sorted(bounds), start).items()
        }
        pending = {at for at, b in bounds.items() if position[at] < b.end}
        wanted = sorted(bounds if follow else pending)
        consumer.assign([TopicPartition(*at, position[at]) for at in wanted])
        while follow or pending:
            for record in _records(consumer):
                if follow or record.offset < bounds[record.topic, record.partition].end:
                    yield record
            for tp in consumer.position([TopicPartition(*at) for at in pending]):
                if tp.offset >= bounds[tp.topic, tp.partition].end:
                    pending.discard((tp.topic, tp.partition))
    except KafkaException as error:
        raise failed("reading topics", error) from error
    finally:
        consumer.close()


def _records(consumer: Consumer) -> list[Record]:
    messages: list[Message] = []
    gather(consumer, messages.extend, wait=0.2, linger=0, limits=BatchLimits(records=1000))
    return [record_of(message) for message in messages]


def record_of(message: Message) -> Record:
    """The record of a message that is no error."""
    return Record(
        message.topic(),  # type: ignore[arg-type]
        message.partition(),  # type: ignore[arg-type]
        message.offset(),  # type: ignore[arg-type]
        _time(message.timestamp()[1]),
        message.key(),
        message.value(),
    )


def _starts(
    consumer: Consumer, partitions: Sequence[tuple[str, int]], start: Start
) -> dict[tuple[str, int], int]:
    """First offset wanted in each partition; a very large one for its end."""
    if start == "beginning":
        return dict.fromkeys(partitions, 0)
    if start == "end":
        return dict.fromkeys(partitions, _AT_END)
    milliseconds = round(start.timestamp() * 1000)
    asked = [TopicPartition(*at, milliseconds) for at in partitions]
    found = consumer.offsets_for_times(asked, timeout=REQUEST_SECONDS)
    return {
        (tp.topic, tp.partition): _AT_END if tp.offset == OFFSET_END else tp.offset for tp in found
    }


_AT_END = 1 << 62


def _time(milliseconds: int) -> datetime | None:
    return None if milliseconds < 0 else datetime.fromtimestamp(milliseconds / 1000, UTC)

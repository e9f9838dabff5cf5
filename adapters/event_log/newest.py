"""The newest records of a topic, with search by key.

Kafka is read forwards only, so this takes a stretch at the end of each partition, and a longer one
before it, until there is enough or the time is up; what was not searched is said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from adapters.event_log.connection import failed
from adapters.event_log.reading import BatchLimits, gather
from adapters.event_log.tail import Record, record_of
from projections.ports.event_log import Bounds

Partition = tuple[str, int]
_MOST_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class Newest:
    """Records, newest first, and how far the search went."""

    records: list[Record]
    searched: int
    """Offsets looked at."""
    total: int
    """Offsets there are."""


def newest_records(
    consumer: Consumer,
    bounds: Mapping[Partition, Bounds],
    *,
    key: bytes | None = None,
    limit: int = 25,
    seconds: float = 4,
) -> Newest:
    """The newest records between `bounds`, of one key if it is given. Raises KafkaFailed.

    `consumer` has nothing assigned; what is looked for within `seconds` is all that is found.
    """
    deadline = monotonic() + seconds
    ends = {at: b.end for at, b in bounds.items() if b.end > b.first}
    window = max(20, 2 * limit // max(1, len(ends))) if key is None else 5000
    found: list[Record] = []
    searched = 0
    while ends and len(found) < limit and monotonic() < deadline:
        starts = {at: max(bounds[at].first, end - window) for at, end in ends.items()}
        found += [
            record
            for record in _stretch(consumer, starts, ends, deadline)
            if key is None or record.key == key
        ]
        searched += sum(ends[at] - starts[at] for at in ends)
        ends = {at: start for at, start in starts.items() if start > bounds[at].first}
        window = min(_MOST_AT_ONCE, window * 4)
    found.sort(key=lambda r: (r.written_at is not None, r.written_at, r.offset), reverse=True)
    return Newest(found[:limit], searched, sum(b.end - b.first for b in bounds.values()))


def _stretch(
    consumer: Consumer, starts: Mapping[Partition, int], ends: Mapping[Partition, int], by: float
) -> list[Record]:
    pending = set(starts)
    found: list[Record] = []
    try:
        consumer.assign([TopicPartition(*at, starts[at]) for at in sorted(starts)])
        while pending and monotonic() < by:
            messages: list[Message] = []
            gather(consumer, messages.extend, wait=0.2, linger=0, limits=BatchLimits(records=5000))
            records = map(record_of, messages)
            found += [r for r in records if r.offset < ends[r.topic, r.partition]]
            for tp in consumer.position([TopicPartition(*at) for at in pending]):
                if tp.offset >= ends[tp.topic, tp.partition]:
                    pending.discard((tp.topic, tp.partition))
    except KafkaException as error:
        raise failed("reading the newest records", error) from error
    return found

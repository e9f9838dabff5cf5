"""Positions of translation, read from the events themselves.

Brokers forget the offsets of a group that nobody is a member of (`offsets.retention.minutes`, a
week by default). Translating everything a second time would write every event twice, for ever. But
each event names the change record that it was made of.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing

import polars as pl

from adapters.event_log.change_log import KafkaGroupPositions
from adapters.event_log.topics import Topics
from domain.events import topic_of
from domain.translation import TRANSLATIONS
from domain.translation.deduplication import order_of
from projections.ports.event_decoder import EventDecoder
from projections.ports.event_log import EventLog
from projections.ports.event_log import TopicPartition as Partition
from projections.ports.translated_positions import NewestEvent


class KafkaTranslatedPositions:
    """Implements `projections.ports.translated_positions.TranslatedPositions`."""

    def __init__(
        self,
        kafka: Mapping[str, str],
        group: str,
        topics: Sequence[str],
        events: EventLog,
        decoder: EventDecoder,
    ) -> None:
        """`topics` are the change topics that `group` translates."""
        self._kafka, self._group, self._topics = kafka, group, topics
        self._events, self._decoder = events, decoder

    def forgotten(self) -> Mapping[Partition, NewestEvent]:
        """See the port."""
        filled = self._filled(self._topics)
        with closing(KafkaGroupPositions(self._kafka, self._group)) as positions:
            committed = positions.read_all(list(filled))
        missing = {at for at in filled if committed[at] is None}
        written = self._filled(sorted(events_of(topic for topic, _ in missing)))
        if not written:
            return {}
        return newest_events(self._events, self._decoder, written, missing)

    def _filled(self, topics: Sequence[str]) -> dict[Partition, int]:
        """Ends of the partitions of topics that hold anything."""
        return {
            (name, partition): bounds.end
            for name, state in Topics(self._kafka).states(topics).items()
            for partition, bounds in state.partitions.items()
            if bounds.end > bounds.first
        }


def events_of(change_topics: Iterable[str]) -> set[str]:
    """The event topics that hold what is made of these change topics."""
    tables = {topic.rpartition(".")[2] for topic in change_topics}
    return {
        topic_of(subject)
        for translation in TRANSLATIONS
        if translation.table in tables
        for subject in translation.subjects
    }


def newest_events(
    events: EventLog,
    decoder: EventDecoder,
    until: Mapping[Partition, int],
    wanted: set[Partition],
) -> dict[Partition, NewestEvent]:
    """For each wanted change partition the newest event, of all events below `until`."""
    found: dict[Partition, NewestEvent] = {}
    for batches in events.replay({}, until):
        decoded = decoder.decode(batches, frozenset({"event_id", "id", "origin"}))
        for frame in decoded.frames.values():
            for (topic, partition), one in _newest(frame):
                if (topic, partition) in wanted:
                    at = (topic, partition)
                    found[at] = one if at not in found else _newer(found[at], one)
    return found


def _newer(one: NewestEvent, other: NewestEvent) -> NewestEvent:
    newer = max(one, other, key=lambda each: each.offset)
    is_same = order_of(one.position) == order_of(other.position)
    return NewestEvent(
        newer.offset,
        newer.position,
        max(filter(None, (one.committed_at, other.committed_at)), default=None),
        one.seen | other.seen if is_same else newer.seen,
    )


def _newest(events: pl.DataFrame) -> Iterator[tuple[Partition, NewestEvent]]:
    """The newest of these events per change partition."""
    parts = pl.col("event_id").str.extract_groups(r"^(.+)/(\d+)/(\d+)/\d+$").struct
    found = events.select(
        pl.col("id"),
        parts["1"].alias("topic"),
        parts["2"].cast(pl.Int64).alias("partition"),
        parts["3"].cast(pl.Int64).alias("offset"),
        pl.col("origin").struct.field("position"),
        pl.col("origin").struct.field("committed_at"),
    ).drop_nulls("offset")
    latest = found.group_by("topic", "partition").agg(
        pl.col("offset").max(),
        pl.col("position").sort_by("offset").last(),
        pl.col("committed_at").max(),
    )
    for topic, partition, offset, position, committed_at in latest.iter_rows():
        order = order_of(position)
        ours = found.filter(
            (pl.col("topic") == topic)
            & (pl.col("partition") == partition)
            & ((pl.col("position") == order) | pl.col("position").str.starts_with(f"{order}/"))
        )
        seen = frozenset(ours.select("position", "id").iter_rows())
        yield (topic, partition), NewestEvent(offset, position, committed_at, seen)

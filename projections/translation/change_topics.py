"""Whether the change topics are still those that translation has read.

A topic that was deleted and made anew under its name begins again at offset 0: to go on at the
former position would pass its first records over in silence. So the position of each partition
remembers the id that Kafka gave its topic (KIP-516). Kafka forgets a group's positions with the
topic, though; then the newest event says how far translation was, and must have been made of the
record that stands there now.
"""

from collections.abc import Collection, Mapping
from time import monotonic

from domain.failures import Failure, Refused
from projections.ports.event_log import EventLog, TopicPartition
from projections.ports.translated_positions import NewestEvent
from projections.translation.earlier import EarlierChanges

LOOK_SECONDS = 10.0
"""How often a running translator looks whether the topics are still the same."""


class AnotherTopic(Refused):
    """A change topic isn't the one that translation has read so far."""

    def __init__(self, topic: str, what: str) -> None:
        super().__init__(
            f"the change topic {topic} was deleted and made anew: {what}. Going on would pass its"
            f" first records over. `catalog topics retranslate {topic}` has it translated from its"
            " beginning; then `catalog audit --heal` for what the former one held"
        )


class ChangeTopics:
    """Knows the ids of the topics that are assigned. Used from one thread."""

    def __init__(self, changes: EventLog, earlier: EarlierChanges) -> None:
        """`changes` reads the change topics."""
        self._changes, self._earlier = changes, earlier
        self._ids: dict[str, str] = {}
        self._looked_at = monotonic()

    def assigned(self, topics: Collection[str]) -> None:
        """Look at topics that are assigned. Raises AnotherTopic, Unavailable."""
        self._look(self._changes.topic_ids(sorted(topics)))

    def id_of(self, topic: str, noted: str | None) -> str | None:
        """The id of an assigned topic, None where the brokers give none. Raises AnotherTopic where
        a position has noted another one."""
        found = self._ids.get(topic)
        if None not in (noted, found) and noted != found:
            raise AnotherTopic(topic, f"its id is {found}, and {noted} was translated")
        return found

    def require_newest(self, at: TopicPartition, newest: NewestEvent) -> None:
        """Raise AnotherTopic where the newest event wasn't made of the record that stands at its
        place."""
        position = self._earlier.position_at(at, newest.offset)
        if position != newest.position:
            what = "is not there" if position is None else f"has the position {position}"
            raise AnotherTopic(
                at[0],
                f"the newest event of its partition {at[1]} was made of offset {newest.offset} at"
                f" the source's position {newest.position}, and that record {what}",
            )

    def look_again(self) -> None:
        """Now and then, before anything is written of what was read. Raises AnotherTopic."""
        if monotonic() - self._looked_at < LOOK_SECONDS or not self._ids:
            return
        self._looked_at = monotonic()
        try:
            found = self._changes.topic_ids(sorted(self._ids))
        except Failure:
            return  # what keeps the brokers from answering shows itself in reading
        self._look(found)

    def _look(self, found: Mapping[str, str]) -> None:
        for topic, id_ in found.items():
            if (before := self._ids.get(topic, id_)) != id_:
                raise AnotherTopic(topic, f"its id is {id_}, and {before} was translated")
        self._ids |= found

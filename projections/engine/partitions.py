"""Checks that the log is the one that the checkpoints speak of.

Offsets mean nothing in another log: in a topic that was deleted and made anew under its name the
first records would be passed over in silence. So each checkpoint knows the id that Kafka gave its
topic (KIP-516). And a topic's partition count is part of its identity: keys would land elsewhere
with another count, and the order of a row's events would be lost.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from domain.events import subject_of
from domain.failures import Refused
from projections.ports.event_log import Bounds, EventLog, TopicPartition
from projections.ports.generations import Generation
from projections.ports.read_store import ReadStore


class AnotherLog(Refused):
    """The topics are not the ones that the checkpoints were taken from."""


REBUILD = (
    "Its checkpoints mean nothing here, and nothing was stored by them. `catalog topics check` says"
    " whether the history of the topics is whole: if so, `catalog rebuild` makes the read model"
    " from them"
)


def require_same_log(
    store: ReadStore, events: EventLog, generation: Generation, topics: Sequence[str]
) -> None:
    """Raise AnotherLog where `topics` are not those that a generation was made of."""
    if (why := another_log(store, events, generation, topics)) is not None:
        raise AnotherLog(f"{why}. {REBUILD}")


def another_log(
    store: ReadStore, events: EventLog, generation: Generation, topics: Sequence[str]
) -> str | None:
    """Why these topics are another log than the one that a generation was made of.

    None where they are the same: ids that its checkpoints lack are noted then, once. Raises
    AnotherLog for topics that nothing can be made of as they are: partitions were added.
    """
    # Checkpoints before bounds: workers go on meanwhile, and must not seem ahead of the log.
    checkpoints = store.checkpoints(generation.number)
    bounds, ids = events.bounds(topics), events.topic_ids(topics)
    noted = store.topic_ids(generation.number)
    why = (
        made_anew(generation, noted, ids)
        or _moved(generation, noted, topics)
        or _shorter(generation, checkpoints, bounds)
    )
    if why is not None:
        return why
    unknown_partitions(checkpoints, bounds)
    if missing := {topic: ids[topic] for topic, id_ in noted.items() if not id_ and topic in ids}:
        store.note_topic_ids(generation.number, missing)
    return None


def made_anew(
    generation: Generation, noted: Mapping[str, str | None], ids: Mapping[str, str]
) -> str | None:
    """Which topic isn't the one any more that a generation's checkpoints have `noted`, if one."""
    for topic in topics_anew(noted, ids):
        return (
            f"topic {topic} was deleted and made anew: its id is {ids[topic]}, and generation"
            f" {generation.number} was made of {noted[topic]}"
        )
    return None


def topics_anew(noted: Mapping[str, str | None], ids: Mapping[str, str]) -> list[str]:
    """Topics whose `noted` id isn't theirs any more."""
    return [topic for topic, id_ in noted.items() if id_ and ids.get(topic, id_) != id_]


def _moved(generation: Generation, noted: Collection[str], topics: Sequence[str]) -> str | None:
    former = {subject_of(topic): topic for topic in noted if topic not in topics}
    for topic in topics:
        if topic not in noted and (other := former.get(subject_of(topic))) is not None:
            return (
                f"generation {generation.number} was made of topic {other}, and by the settings"
                f" (CATALOG_KAFKA__PREFIX) its events are in {topic}"
            )
    return None


def _shorter(
    generation: Generation,
    checkpoints: Mapping[TopicPartition, int],
    bounds: Mapping[TopicPartition, Bounds],
) -> str | None:
    for partition, position in checkpoints.items():
        if partition in bounds and position > bounds[partition].end:
            return (
                f"the checkpoint of {partition[0]}/{partition[1]} is {position}, but the log ends "
                f"at {bounds[partition].end}: this is another log than generation "
                f"{generation.number} was made from, or it lost records"
            )
    return None


def unknown_partitions(
    checkpoints: Mapping[TopicPartition, int], bounds: Mapping[TopicPartition, Bounds]
) -> list[TopicPartition]:
    """Partitions of topics that have no checkpoints at all yet: new to the generation.

    Raises AnotherLog for a changed partition count.
    """
    known = Counter(topic for topic, _ in checkpoints)
    there = Counter(topic for topic, _ in bounds)
    for topic, count in there.items():
        if known.get(topic, count) != count:
            raise AnotherLog(_added(f"{topic} has {count} partitions instead of {known[topic]}"))
    return sorted(partition for partition in bounds if partition[0] not in known)


def check_assigned(
    checkpoints: Mapping[TopicPartition, int], assigned: Collection[TopicPartition]
) -> None:
    """Refuse partitions that were added to a topic while a worker runs: it would pass them over.

    Raises AnotherLog.
    """
    if added := sorted(partition for partition in assigned if partition not in checkpoints):
        listed = ", ".join(f"{topic}/{number}" for topic, number in added)
        raise AnotherLog(_added(f"there are no checkpoints for {listed}"))


def _added(what: str) -> str:
    return (
        f"{what}: partitions were added, so keys of one row may lie in two of them, in no order."
        " `catalog topics migrate` carries the events over, in order, into new topics with as many"
        " partitions as CATALOG_KAFKA__PARTITIONS says"
    )

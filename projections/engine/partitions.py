"""Checks that the log is the one that the checkpoints speak of.

A topic's partition count is part of its identity: keys would land elsewhere with another count, and
the order of a row's events would be lost. And offsets mean nothing in another log.
"""

from collections import Counter
from collections.abc import Collection, Mapping

from domain.failures import Refused
from projections.ports.event_log import Bounds, TopicPartition


class AnotherLog(Refused):
    """The topics are not the ones that the checkpoints were taken from."""


def unknown_partitions(
    checkpoints: Mapping[TopicPartition, int], bounds: Mapping[TopicPartition, Bounds]
) -> list[TopicPartition]:
    """Partitions of topics that have no checkpoints at all yet: new to the generation.

    Raises AnotherLog for a changed partition count, and for a checkpoint past a partition's end.
    """
    known = Counter(topic for topic, _ in checkpoints)
    there = Counter(topic for topic, _ in bounds)
    for topic, count in there.items():
        if known.get(topic, count) != count:
            raise AnotherLog(
                f"topic {topic} has {count} partitions, but the checkpoints know {known[topic]}: "
                "a topic's partition count is part of its identity; write the events to a topic "
                "with the former count, or rebuild into a read database of its own"
            )
    for partition, position in checkpoints.items():
        if partition in bounds and position > bounds[partition].end:
            raise AnotherLog(
                f"the checkpoint of {partition[0]}/{partition[1]} is {position}, but the log ends "
                f"at {bounds[partition].end}: this is another log than the read catalog was made "
                "from, or it lost records; rebuild the read catalog from it"
            )
    return sorted(partition for partition in bounds if partition[0] not in known)


def check_assigned(
    checkpoints: Mapping[TopicPartition, int], assigned: Collection[TopicPartition]
) -> None:
    """Refuse partitions that were added to a topic while a worker runs: it would pass them over.

    Raises AnotherLog.
    """
    if added := sorted(partition for partition in assigned if partition not in checkpoints):
        raise AnotherLog(
            f"there are no checkpoints for {', '.join(f'{t}/{p}' for t, p in added)}: partitions "
            "were added while this worker ran, and a topic's partition count is part of its "
            "identity; write the events to a topic with the former count"
        )


def check_partitions(
    checkpoints: Mapping[TopicPartition, int], bounds: Mapping[TopicPartition, Bounds]
) -> None:
    """Like `unknown_partitions` where none may be new."""
    if new := unknown_partitions(checkpoints, bounds):
        raise AnotherLog(f"no checkpoints for {new}")

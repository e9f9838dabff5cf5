"""The event topics, as the engine reads them: the truth.

Offsets count from 0 in each partition and may have gaps (transaction markers, aborted records).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

TopicPartition = tuple[str, int]
"""Topic name and partition number."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a partition holds."""

    first: int
    """Offset of the oldest record that is still there; 0 while history is whole."""
    end: int
    """The next offset to be written, as far as `read_committed` readers may read."""


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Raw records of one topic and partition, in offset order. Offsets may have gaps."""

    topic: str
    partition: int
    offsets: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    next_offset: int
    """Position after the batch: at least the last offset + 1; more where transaction markers or
    aborted records follow. A batch without records can move the position too."""

    def __len__(self) -> int:
        return len(self.offsets)


class Subscription(Protocol):
    """Membership of a consumer group. Used from one thread; callbacks run inside `poll`."""

    def poll(self, timeout: float) -> list[RecordBatch]:
        """Return what is there, up to the implementation's size bound; wait at most `timeout`
        seconds for a first record. Several batches may be of one partition, in order."""
        ...

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """Go on from these positions. Partitions that are not assigned (any more) are ignored."""
        ...

    def note_progress(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit group offsets, for monitoring only: nothing ever starts from them."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...


class EventLog(Protocol):
    """The event topics: the truth."""

    def bounds(self, topics: Sequence[str]) -> dict[TopicPartition, Bounds]:
        """Bounds of every partition of `topics`. A topic that does not exist is an error."""
        ...

    def topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        """The id that the brokers gave each topic when it was made: one that was deleted and made
        anew has another. Brokers that give none leave topics out. A topic that does not exist is
        an error."""
        ...

    def violations(self, topics: Sequence[str]) -> list[str]:
        """Why history is not whole, a sentence each: retention not infinite, history that no
        longer starts at 0. Empty when all is well."""
        ...

    def replay(
        self, positions: Mapping[TopicPartition, int], until: Mapping[TopicPartition, int]
    ) -> Iterator[list[RecordBatch]]:
        """Read the partitions of `until` from `positions` (absent: 0) on, assigned by hand.

        Ends when every position has reached `until`. A batch may run past it: callers cut.
        """
        ...

    def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        on_assign: Callable[[Sequence[TopicPartition]], Mapping[TopicPartition, int]],
        on_lost: Callable[[Sequence[TopicPartition]], None],
    ) -> Subscription:
        """Join a consumer group. `on_assign` gets newly assigned partitions and returns where
        to start in each; `on_lost` gets those that were revoked or lost."""
        ...

"""The change topics, as the translating engine reads them: as a member of a group whose positions
move in the same transactions as the events.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from domain.failures import Unavailable
from projections.ports.dead_letters import Headers
from projections.ports.event_log import TopicPartition


class Superseded(Unavailable):
    """A membership or writer is of no use any more: another one has taken its name, or the brokers
    have given it up. Whoever goes on opens both anew."""


@dataclass(frozen=True, slots=True)
class RecordDetails:
    """What is asked of few records only, since it costs to look."""

    headers: Headers
    written_at: int | None
    """When the record was written, in milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """Raw records of one topic and partition, in offset order. Offsets may have gaps."""

    topic: str
    partition: int
    offsets: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    details: Callable[[int], RecordDetails]
    """Of the record at an index."""


class Position(NamedTuple):
    """Where a group stands in a partition."""

    offset: int
    """The next record."""
    note: str = ""
    """What was committed beside it: at most 4,000 characters of ASCII."""


Membership = object
"""By which the brokers refuse positions of a member that was replaced."""

OnAssign = Callable[[Mapping[TopicPartition, Position | None]], Mapping[TopicPartition, int | None]]
"""Gets newly assigned partitions with their committed positions, None where the group has none;
returns where to start in each, None for the beginning."""
OnLost = Callable[[Sequence[TopicPartition]], None]


class ChangeLog(Protocol):
    """A member of the group that translates. Used from one thread; callbacks run inside `poll`.

    Every method raises Superseded where the membership is lost for good, Unavailable where the
    brokers don't answer, Refused where a partition's records aren't at its position any more,
    Misconfigured where the brokers refuse us.
    """

    def poll(self, timeout: float) -> list[ChangeBatch]:
        """Return what is there, up to the implementation's size bound; wait at most `timeout`
        seconds for a first record. At most one batch per partition, none of those that were
        lost meanwhile."""
        ...

    def rewind(self, positions: Mapping[TopicPartition, int | None]) -> None:
        """Read on from these positions, None for the beginning. Partitions that are not assigned
        (any more) are ignored."""
        ...

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """Read no more of these partitions while they are assigned."""
        ...

    def membership(self) -> Membership:
        """What a writer commits positions with."""
        ...

    def close(self) -> None:
        """Stop reading. Raises nothing."""
        ...


class GroupPositions(Protocol):
    """Positions of a group without members, moved by whoever writes. Raises Unavailable."""

    def read(self, partition: TopicPartition) -> Position | None:
        """The committed position."""
        ...

    def membership(self) -> Membership:
        """What a writer commits positions with."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...

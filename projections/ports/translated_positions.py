"""What the events themselves say of how far translation is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from projections.ports.event_log import TopicPartition


@dataclass(frozen=True, slots=True)
class NewestEvent:
    """The newest event that was made of a change partition's records."""

    offset: int
    """Of the change record."""
    position: str
    """The source's position of that change."""
    committed_at: datetime | None
    """The latest commit that any event of the partition tells of (UTC)."""
    seen: frozenset[tuple[str, str]]
    """(position, id of the row) of all events whose positions are ordered like the newest."""


class TranslatedPositions(Protocol):
    """Finds positions that the brokers have forgotten (offsets of a group without members expire).

    Raises Unavailable, Misconfigured.
    """

    def forgotten(self) -> Mapping[TopicPartition, NewestEvent]:
        """Change partitions that hold records of which events were made, but of which the group
        has no position. Only where a position is missing are the events read, then all of them."""
        ...

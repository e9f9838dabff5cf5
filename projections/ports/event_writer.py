"""Writes events and moves positions, both in one transaction or neither."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from domain.failures import Unusable
from projections.ports.change_log import Membership, Position
from projections.ports.dead_letters import Headers
from projections.ports.event_log import TopicPartition


class OutgoingEvent(NamedTuple):
    """One event, as it is written."""

    topic: str
    key: bytes
    value: bytes


class EventTooLarge(Unusable):
    """An event is larger than what may be written. It isn't in the transaction, which may go on,
    or may fail at the next call with Unavailable."""


class EventWriter(Protocol):
    """Transactions of one writer, one after another. Used from one thread.

    A second writer of the same name makes this one fail with Superseded. Every method but `close`
    raises that, Unavailable for what passes (abort and try again), Misconfigured for what no
    waiting heals.
    """

    def begin(self) -> None:
        """Begin a transaction."""
        ...

    def write(self, event: OutgoingEvent, headers: Headers | None = None) -> None:
        """Add an event. Raises EventTooLarge."""
        ...

    def commit(self, positions: Mapping[TopicPartition, Position], membership: Membership) -> None:
        """Commit the events together with positions of a group."""
        ...

    def abort(self) -> None:
        """Undo the transaction. Raises Superseded where it can't be known to be undone."""
        ...

    def close(self) -> None:
        """Let go of what was not committed. Raises nothing."""
        ...

"""Encodes events by their contracts."""

from collections.abc import Iterable
from typing import Protocol

from domain.events import Event


class EventEncoder(Protocol):
    """Makes bytes of events."""

    def prepare(self, event_types: Iterable[type[Event]]) -> None:
        """Get ready for these types, so that what is missing is found before work starts.

        Raises Misconfigured for a contract that isn't registered, Unavailable where contracts
        can't be asked for.
        """
        ...

    def encode(self, event: Event) -> bytes:
        """Encode an event of a type that was prepared. Raises Unusable for a value that its
        contract can't carry."""
        ...

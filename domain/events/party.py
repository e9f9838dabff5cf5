"""Parties: persons and companies as DDEX names them."""

from dataclasses import dataclass
from typing import ClassVar

from domain.events.event import Effect, Event


@dataclass(frozen=True, kw_only=True)
class PartyState(Event):
    """What a party is, as the master catalog says it."""

    SUBJECT: ClassVar[str] = "party"

    name: str | None = None
    dpid: str | None = None
    """DDEX Party Id, normalised (ISO 7064 checked elsewhere)."""
    isni: str | None = None
    """ISNI, 16 characters."""


@dataclass(frozen=True, kw_only=True)
class PartyAdded(PartyState):
    """A party is known."""


@dataclass(frozen=True, kw_only=True)
class PartyUpdated(PartyState):
    """A party changed."""


@dataclass(frozen=True, kw_only=True)
class PartyRemoved(PartyState):
    """A party is gone."""

    EFFECT: ClassVar[Effect] = Effect.REMOVAL

"""Contributors: the parties that had a part in a release or recording."""

from dataclasses import dataclass
from typing import ClassVar

from domain.events.event import Effect, Event


@dataclass(frozen=True, kw_only=True)
class ContributorState(Event):
    """What a contribution is, as the master catalog says it."""

    SUBJECT: ClassVar[str] = "contributor"

    owner_type: str | None = None
    """release or recording."""
    owner_id: str | None = None
    party_id: str | None = None
    role: str | None = None
    """By DDEX's terms: MainArtist, FeaturedArtist, Composer, Producer …"""
    sequence: int | None = None
    """The sender's order among the contributors of one owner."""


@dataclass(frozen=True, kw_only=True)
class ContributorAdded(ContributorState):
    """A party has a part."""


@dataclass(frozen=True, kw_only=True)
class ContributorUpdated(ContributorState):
    """A part changed."""


@dataclass(frozen=True, kw_only=True)
class ContributorRemoved(ContributorState):
    """A party has a part no more."""

    EFFECT: ClassVar[Effect] = Effect.REMOVAL

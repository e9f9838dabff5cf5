"""Artists as they appear on releases and tracks."""

from dataclasses import dataclass
from typing import ClassVar

from domain.events.event import Effect, Event


@dataclass(frozen=True, kw_only=True)
class ArtistState(Event):
    """What a artist is, as the master catalog says it."""

    SUBJECT: ClassVar[str] = "artist"

    party_id: str | None = None
    display_name: str | None = None
    sort_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class ArtistAdded(ArtistState):
    """An artist is known."""


@dataclass(frozen=True, kw_only=True)
class ArtistUpdated(ArtistState):
    """An artist changed."""


@dataclass(frozen=True, kw_only=True)
class ArtistRemoved(ArtistState):
    """An artist is gone."""

    EFFECT: ClassVar[Effect] = Effect.REMOVAL

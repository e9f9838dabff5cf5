"""Streaming rights: deals for streaming and for every other use that leaves no copy."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.events.event import Effect, Event
from domain.events.price import Price


@dataclass(frozen=True, kw_only=True)
class StreamingState(Event):
    """What a streaming is, as the master catalog says it."""

    SUBJECT: ClassVar[str] = "streaming"

    release_id: str | None = None
    track_id: str | None = None
    """Set where the deal is for one track only."""
    commercial_model: str | None = None
    """DDEX CommercialModelType: PayAsYouGoModel, SubscriptionModel, RightsClaimModel …"""
    use_type: str | None = None
    """DDEX UseType: PermanentDownload, OnDemandStream …"""
    valid_from: datetime | None = None
    """UTC; absent: always."""
    valid_to: datetime | None = None
    """UTC, exclusive; absent: open end."""
    is_preorder: bool | None = None
    display_from: datetime | None = None
    preview_from: datetime | None = None
    territories: list[str] | None = None
    """As the sender says: ISO 3166-1, TIS or Worldwide; expanded at read time."""
    excluded_territories: list[str] | None = None
    prices: list[Price] | None = None
    is_takedown: bool | None = None
    """ERN 3.8: the use is withdrawn in these territories."""


@dataclass(frozen=True, kw_only=True)
class StreamingRightGranted(StreamingState):
    """A right is granted."""


@dataclass(frozen=True, kw_only=True)
class StreamingRightChanged(StreamingState):
    """A right changed."""


@dataclass(frozen=True, kw_only=True)
class StreamingRightWithdrawn(StreamingState):
    """A right is gone."""

    EFFECT: ClassVar[Effect] = Effect.REMOVAL

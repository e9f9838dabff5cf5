"""Download offers: deals under which a release or track can be bought or kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.events.event import Effect, Event
from domain.events.price import Price


@dataclass(frozen=True, kw_only=True)
class DownloadState(Event):
    """What a download is, as the master catalog says it."""

    SUBJECT: ClassVar[str] = "download"

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
class DownloadOffered(DownloadState):
    """A download is on offer."""


@dataclass(frozen=True, kw_only=True)
class DownloadOfferChanged(DownloadState):
    """An offer changed."""


@dataclass(frozen=True, kw_only=True)
class DownloadWithdrawn(DownloadState):
    """An offer is gone."""

    EFFECT: ClassVar[Effect] = Effect.REMOVAL

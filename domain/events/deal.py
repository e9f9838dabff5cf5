"""What the master's deals say, whether they are download offers or streaming rights."""

from dataclasses import dataclass
from datetime import datetime

from domain.events.event import Event
from domain.events.price import Price


@dataclass(frozen=True, kw_only=True)
class DealTerms(Event):
    """The terms of a deal: what may be done with a release or track, where, when, for how much."""

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
    local_from: str | None = None
    """`2026-05-01T00:00:00`: begins when it is that time in each territory (DDEX). `valid_from` is
    then when it is so in all of them (of a takedown: in the first)."""
    local_to: str | None = None
    """The same for the end, exclusive; `valid_to` is when it is so in the first (of a takedown: in
    all of them)."""
    channels: list[str] | None = None
    """Distribution channels for which alone it holds; `-` before those for which it doesn't."""

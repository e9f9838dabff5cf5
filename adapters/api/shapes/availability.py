"""Whether something can be had, and on what terms."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from adapters.api.shapes.shape import Instant, Shape


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An amount or a price code; fields that the sender doesn't say are left out."""

    amount: Annotated[str, Meta(pattern=r"^-?\d+\.\d+$")] | msgspec.UnsetType = msgspec.UNSET
    currency: str | msgspec.UnsetType = msgspec.UNSET
    code: str | msgspec.UnsetType = msgspec.UNSET
    namespace: str | msgspec.UnsetType = msgspec.UNSET
    kind: str | msgspec.UnsetType = msgspec.UNSET


class Offer(Shape, frozen=True):
    """A deal that holds, or, where nothing is available yet, one that is to come."""

    id: str
    scope: Literal["release", "track"]
    usage_type: Literal["download", "subscription_stream", "ad_supported_stream", "other"]
    use_type: str | None
    commercial_model: str | None
    is_preorder: bool
    holds: Annotated[bool, Meta(description="At the instant that was asked.")]
    valid_from: Instant | None
    valid_to: Annotated[datetime, Meta(tz=True, description="Exclusive.")] | None
    display_from: Instant | None
    preview_from: Instant | None
    territories: list[str] | None
    excluded_territories: list[str] | None
    channels: Annotated[
        list[str] | None,
        Meta(description="For which alone it is; `-` before those for which it isn't."),
    ]
    prices: list[Price] | None
    governs: Annotated[
        bool,
        Meta(description="Its terms apply, of all offers of this use that overlap in the country."),
    ]


State = Literal["available", "preorder", "upcoming", "unavailable", "taken_down"]


class Availability(Shape, frozen=True):
    """Whether it can be had in the country, for the uses, at the instant that were asked."""

    country: str | None
    zone: Annotated[
        str | None,
        Meta(description="IANA zone in which local dates of deals are read; null: no country."),
    ]
    state: State
    available: bool
    from_: (
        Annotated[
            datetime,
            Meta(
                tz=True,
                description="Since when it is available; or from when it will be; null: never.",
            ),
        ]
        | None
    ) = msgspec.field(name="from")
    until: Instant | None
    offers: list[Offer]
    truncated: Annotated[bool, Meta(description="There are more: ask `…/offers` for all.")]


class OfferPage(Shape, frozen=True):
    """A page of offers, by their ids; all pages are as of the first one's instant."""

    items: list[Offer]
    next_cursor: str | None

"""What a message's deals say, read into plain values as they come by.

A list of deals is most of a great message (each of thousands of deals names its territories), so it
is never held as XML: `Dealt` is given one ReleaseDeal after another, and keeps what it says. Deals
that name the same territories share them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lxml.etree import _Element as Element

from adapters.ingestion.ern import times
from adapters.ingestion.ern.deal_territories import ValidationError, Where, read_where
from adapters.ingestion.ern.reading import all_said, in_doubt_true, said, text
from adapters.ingestion.ern.rows import Row
from adapters.ingestion.ern.times import PointInTime
from domain.failures import Unusable

MOST_ROWS = 5_000_000
"""Rows that a message's deals may become. 2,000 tracks with 250 deals each become half a million;
a message of a few MB can be made to become more than any disk holds."""

_NODES_OF_TERMS = 5
"""What Terms take of memory, in nodes of XML: some 1 kB."""

_PRICES = {
    "WholesalePricePerUnit": "wholesale",
    "BulkOrderWholesalePricePerUnit": "bulk_wholesale",
    "SuggestedRetailPrice": "suggested_retail",
}
_PRICE_CODES = ("PriceCode", "PriceRangeType", "PriceType")
_DISPLAY = ("ReleaseDisplayStartDateTime", "ReleaseDisplayStartDate")
_PREVIEW = (
    "FullTrackListingPreviewStartDateTime",
    "TrackListingPreviewStartDateTime",
    "TrackListingPreviewStartDate",
    "PreOrderPreviewDateTime",
    "PreOrderPreviewDate",
)
_PREORDER = ("PreOrderReleaseDateTime", "PreOrderReleaseDate")
_NO_DATE = "must be a date such as 2014-01-31"


@dataclass(frozen=True, slots=True)
class Period:
    """When a deal holds; None: without a beginning, without an end."""

    begin: PointInTime | None = None
    end: PointInTime | None = None
    errors: tuple[ValidationError, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """From when a release may be seen, as a deal or a ReleaseVisibility says it."""

    display: PointInTime | None
    preview: PointInTime | None
    is_said: bool
    """Whether anything is said, be it unreadable."""


@dataclass(frozen=True, slots=True)
class Visibility:
    """A ReleaseVisibility (4.2 on): from when what is to be seen of a release, and where."""

    where: Where
    seen: Seen


@dataclass(frozen=True, slots=True)
class Terms:
    """What DealTerms say."""

    where: Where
    is_takedown: bool
    is_preorder: bool
    preorder: PointInTime | None
    gratifications: tuple[str, ...]
    """References of resources that a pre-order delivers at once."""
    models: tuple[str | None, ...]
    """Commercial models; one None where none is said."""
    uses: tuple[str | None, ...]
    """Use types; one None where none is said."""
    seen: Seen
    shared: Row
    """Columns that all rows of the deal have in common."""
    errors: tuple[ValidationError, ...]
    _periods: tuple[Period, ...]
    _effective: PointInTime | None

    @property
    def rows(self) -> int:
        """How many rows it becomes for a release, but for what pre-orders and visibilities add."""
        return len(self.models) * len(self.uses) * len(self._periods)

    @property
    def has_errors(self) -> bool:
        """Whether anything of it can't be read."""
        return bool(self.errors) or any(period.errors for period in self._periods)

    def periods(self, created: datetime) -> list[Period]:
        """The periods, for a message of then; none begins before an EffectiveDate to come.

        ddex.net/dd, ern_ReleaseDeal: "The Date at which the MessageRecipient is expected to cancel
        all Deals for the Release and replace them with the Deals provided within the current
        Message", typically the day on which the message is sent: then the periods speak for
        themselves.
        """
        effective = self._effective
        if effective is not None and effective.at.replace(tzinfo=UTC) <= created:
            effective = None
        return [Period(_latest(p.begin, effective), p.end, p.errors) for p in self._periods]


@dataclass
class Dealt:
    """The deals of a message, gathered from the elements of its DealList."""

    of_release: dict[str, list[Terms]] = field(default_factory=dict)
    """Release reference → its deals, in order."""
    visibilities: dict[str, Visibility] = field(default_factory=dict)
    """By reference."""
    _known: dict[Where, Where] = field(default_factory=dict)
    _rows: int = 0

    def add(self, element: Element) -> int:
        """Keep what an element of a DealList says; returns what that takes, in nodes of XML.

        Raises Unusable for what is too much: deals and the releases that they are of multiply.
        """
        nodes = 0
        if element.tag == "ReleaseDeal":
            effective = _instant(element, times.start, "EffectiveDate")
            terms = [
                self._terms(deal, one, *effective)
                for deal in element.findall("Deal")
                for one in deal.findall("DealTerms")
            ]
            references = element.findall("DealReleaseReference")
            self._rows += len(references) * sum(one.rows for one in terms)
            if self._rows > MOST_ROWS:
                raise Unusable(f"its deals are more than {MOST_ROWS}, counted by use and release")
            nodes += len(references) + _NODES_OF_TERMS * len(terms)
            for reference in references:
                self.of_release.setdefault((reference.text or "").strip(), []).extend(terms)
        if (visibility := text(element, "VisibilityReference")) is not None:
            where = self._shared(read_where(element, is_takedown=False))
            self.visibilities[visibility] = Visibility(where, _seen(element))
            nodes += _NODES_OF_TERMS
        return nodes

    def _terms(
        self,
        deal: Element,
        terms: Element,
        effective: PointInTime | None,
        ineffective: tuple[ValidationError, ...],
    ) -> Terms:
        # AllDealsCancelled (ERN 3.x) ends the deals of the releases referred to just as TakeDown
        # does (ddex.net/dd, ern_DealTerms): what differs, whether the release may be shown, isn't
        # asked.
        flags = ("TakeDown", "AllDealsCancelled")
        is_takedown = any(in_doubt_true(terms, name) for name in flags)
        where = self._shared(read_where(terms, is_takedown))
        preorder, errors = _instant(terms, times.start, *_PREORDER)
        references = terms.findall("InstantGratificationResourceList/DealResourceReference")
        uses = [use for usage in terms.findall("Usage") for use in all_said(usage, "UseType")]
        uses += all_said(terms, "UseType")
        periods = [_period(element) for element in terms.findall("ValidityPeriod")] or [Period()]
        return Terms(
            where=where,
            is_takedown=is_takedown,
            is_preorder=in_doubt_true(terms, "IsPreOrderDeal"),
            preorder=preorder,
            gratifications=tuple((e.text or "").strip() for e in references),
            models=tuple(all_said(terms, "CommercialModelType")) or (None,),
            uses=tuple(dict.fromkeys(uses)) or (None,),
            seen=_seen(terms),
            shared={
                "prices": _prices(terms),
                "channels": _channels(deal, terms),
                "is_takedown": is_takedown,
            },
            errors=(*_unread_prices(terms), *where.errors, *errors),
            _periods=tuple(Period(p.begin, p.end, p.errors + ineffective) for p in periods),
            _effective=effective,
        )

    def _shared(self, where: Where) -> Where:
        return self._known.setdefault(where, where)


def _latest(one: PointInTime | None, other: PointInTime | None) -> PointInTime | None:
    return one if other is None else other if one is None else times.later(one, other)


def _period(element: Element) -> Period:
    begin, begin_errors = _instant(element, times.start, "StartDateTime", "StartDate")
    end, end_errors = _instant(element, times.end, "EndDateTime", "EndDate")
    return Period(begin, end, begin_errors + end_errors)


def _instant(
    element: Element, read: times.Reading, *names: str
) -> tuple[PointInTime | None, tuple[ValidationError, ...]]:
    """The first of the dates that is there, and what is wrong with it."""
    for name in names:
        if (written := text(element, name)) is not None:
            found = read(written)
            return found, () if found else ((name, written, _NO_DATE),)
    return None, ()


def _seen(element: Element) -> Seen:
    display, preview = (_instant(element, times.start, *names)[0] for names in (_DISPLAY, _PREVIEW))
    return Seen(display, preview, any(text(element, name) for name in (*_DISPLAY, *_PREVIEW)))


def _channels(deal: Element, terms: Element) -> list[str] | None:
    """Where alone a deal may be used (`-` before those where it may not)."""
    found = [("", e) for e in terms.findall("DistributionChannel")]
    found += [("-", e) for e in terms.findall("ExcludedDistributionChannel")]
    found += [("", e) for e in deal.findall("DistributionChannelPage")]
    names = (
        (sign, next((t for p in _CHANNEL_NAMES if (t := text(element, p))), text(element, ".")))
        for sign, element in found
    )
    return list(dict.fromkeys(f"{sign}{name}" for sign, name in names if name)) or None


_CHANNEL_NAMES = ("PartyName/FullName", "PageName", "PartyId", "URL", "Url")


def _prices(terms: Element) -> list[Row] | None:
    """Prices as their sender says them; a code and an amount are never combined."""
    prices: list[Row] = []
    for information in terms.findall("PriceInformation"):
        for element in information:
            amount = (element.text or "").strip()
            if not amount:
                continue
            if element.tag in _PRICE_CODES:
                price = {"code": said(element), "namespace": element.get("Namespace")}
            elif element.tag in _PRICES and _is_amount(amount):
                price = {
                    "amount": amount,
                    "currency": element.get("CurrencyCode"),
                    "kind": _PRICES[str(element.tag)],
                }
            else:
                continue
            prices.append({name: part for name, part in price.items() if part is not None})
    return prices or None


def _is_amount(written: str) -> bool:
    whole, _, decimals = written.partition(".")
    return (
        whole.isdecimal()
        and len(whole) <= 12
        and len(decimals) <= 6
        and (decimals.isdecimal() or "." not in written)
    )


def _unread_prices(terms: Element) -> Iterator[ValidationError]:
    """Prices of a deal that can't be read."""
    for name in _PRICES:
        for element in terms.findall(f"PriceInformation/{name}"):
            amount = (element.text or "").strip()
            if amount and not _is_amount(amount):
                yield name, amount, "must be an amount such as 7.99"

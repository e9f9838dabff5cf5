"""Deals: what may be done with a release, where, when and at which price.

A deal of several commercial models, use types and periods becomes a row for each combination. Its
row's id is made of what it is a deal about (`<release>/<model>/<use>/<territories>/<number>`), so
that another price is a change of the same row, and a deal that comes or goes shifts few others.

What can't be read doesn't sell (docs/reference/availability.md): such a deal stays, with its
validation error, and is closed: it ended at `times.CLOSED`. Of a takedown the opposite is true: in
doubt it holds.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from lxml.etree import _Element as Element

from adapters.ingestion.ern import times
from adapters.ingestion.ern.deal_territories import EVERYWHERE, ValidationError, Where, read_where
from adapters.ingestion.ern.reading import all_said, in_doubt_true, said, text
from adapters.ingestion.ern.rows import Row, Rows, as_part
from adapters.ingestion.ern.times import PointInTime

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


@dataclass(frozen=True)
class Period:
    """When a deal holds; None: without a beginning, without an end."""

    begin: PointInTime | None = None
    end: PointInTime | None = None
    errors: tuple[ValidationError, ...] = ()


@dataclass(frozen=True)
class Terms:
    """What DealTerms say, read once."""

    where: Where
    is_takedown: bool
    is_preorder: bool
    preorder: PointInTime | None
    gratifications: tuple[str, ...]
    """References of resources that a pre-order delivers at once."""
    shared: Row
    errors: list[ValidationError] = field(default_factory=list)


def by_release(root: Element) -> dict[str, list[Element]]:
    """The DealTerms that stand for each release reference, in order."""
    deals: dict[str, list[Element]] = {}
    for release_deal in root.findall("DealList/ReleaseDeal"):
        terms = release_deal.findall("Deal/DealTerms")
        for reference in release_deal.findall("DealReleaseReference"):
            deals.setdefault((reference.text or "").strip(), []).extend(terms)
    return deals


def visibilities(root: Element) -> dict[str, Element]:
    """From 4.2 on: from when what is to be seen of a release, by reference."""
    return {
        reference: element
        for element in root.findall("DealList/*")
        if (reference := text(element, "VisibilityReference")) is not None
    }


@dataclass(frozen=True)
class Subject:
    """What deals are about."""

    release_id: str
    track_id: str | None
    """Where it is the release of one track."""
    tracks: dict[str, str]
    """Resource reference → track id: those that instant gratification may name."""
    created: datetime
    """When the message was made."""


def add(rows: Rows, deals: list[Element], visible: Sequence[Element], about: Subject) -> None:
    """Add the deal rows of a release."""
    release_id, track_id = about.release_id, about.track_id
    numbers: Counter[str] = Counter()
    for element in deals:
        terms = _read(element)
        for state, errors in _states(element, terms, visible, about):
            subject = "/".join(
                (
                    release_id,
                    as_part(str(state["commercial_model"] or "any")),
                    as_part(str(state["use_type"] or "any")),
                    _place(state),
                )
            )
            numbers[subject] += 1
            own_id = f"{subject}/{numbers[subject]}"
            rows.add("deal", own_id, release_id=release_id, **{"track_id": track_id} | state)
            for name, written, rule in errors:
                rows.add_validation_error("release", release_id, f"{own_id}/{name}", written, rule)


def is_taken_down(deals: list[Element], created: datetime) -> bool:
    """Whether a release has deals, and all of them only take it down, everywhere, by now.

    A takedown that comes later or concerns some territories is told by its deal alone.
    """
    return bool(deals) and all(_takes_down_all(element, created) for element in deals)


def _takes_down_all(element: Element, created: datetime) -> bool:
    terms = _read(element)
    if not terms.is_takedown or terms.where.region != EVERYWHERE:
        return False
    begins = [period.begin for period in _periods(element, created)]
    return any(b is None or b.first((), ()) <= created for b in begins)


def _read(terms: Element) -> Terms:
    # AllDealsCancelled (ERN 3.x) ends the deals of the releases referred to just as TakeDown does
    # (ddex.net/dd, ern_DealTerms): what differs, whether the release may be shown, isn't asked.
    is_takedown = any(in_doubt_true(terms, name) for name in ("TakeDown", "AllDealsCancelled"))
    where = read_where(terms, is_takedown)
    preorder, errors = _instant(terms, times.start, *_PREORDER)
    references = terms.findall("InstantGratificationResourceList/DealResourceReference")
    return Terms(
        where=where,
        is_takedown=is_takedown,
        is_preorder=in_doubt_true(terms, "IsPreOrderDeal"),
        preorder=preorder,
        gratifications=tuple((e.text or "").strip() for e in references),
        shared={
            "prices": _prices(terms),
            "channels": _channels(terms),
            "is_takedown": is_takedown,
        },
        errors=[*_unread_prices(terms), *where.errors, *errors],
    )


def _states(
    element: Element, terms: Terms, visible: Sequence[Element], about: Subject
) -> Iterator[tuple[Row, list[ValidationError]]]:
    """The rows of a deal, and what is wrong with each; what all share comes with the first."""
    models: Sequence[str | None] = all_said(element, "CommercialModelType") or [None]
    uses = [use for usage in element.findall("Usage") for use in all_said(usage, "UseType")]
    uses += all_said(element, "UseType")
    errors = terms.errors
    for model in models:
        for use in dict.fromkeys(uses) or [None]:
            for period in _periods(element, about.created):
                for one in _kinds(terms, period, about.tracks):
                    for where, shown in _shown(element, terms.where, visible):
                        state: Row = {
                            "commercial_model": model,
                            "use_type": use,
                            **_when(terms, where, replace(period, begin=one.begin, end=one.end)),
                            **shown,
                            **terms.shared,
                            "is_preorder": one.is_preorder,
                        }
                        if one.track_id is not None:
                            state["track_id"] = one.track_id
                        yield state, [*errors, *period.errors]
                        errors = []


@dataclass(frozen=True)
class _Kind:
    begin: PointInTime | None
    end: PointInTime | None
    is_preorder: bool
    track_id: str | None = None


def _kinds(terms: Terms, period: Period, tracks: dict[str, str]) -> Iterator[_Kind]:
    """A deal itself, and what its pre-order says beside it.

    PreOrderReleaseDate (3.x) opens pre-ordering before the deal begins; tracks of an
    InstantGratificationResourceList can be had as soon as the release is ordered: they are
    available while it is in pre-order (ern.ddex.net, part 1, 6.19.8; ddex.net/dd, ern_DealTerms).
    """
    kinds = [_Kind(period.begin, period.end, terms.is_preorder)]
    if terms.preorder is not None and not terms.is_preorder and not terms.is_takedown:
        kinds.append(_Kind(terms.preorder, period.begin, True))
    yield from kinds
    for kind in kinds:
        if kind.is_preorder:
            for reference in terms.gratifications:
                if reference in tracks:
                    yield replace(kind, is_preorder=False, track_id=tracks[reference])


def _when(terms: Terms, where: Where, period: Period) -> Row:
    """From when until when: local times as they are, and the instants that all have in common.

    Who knows nothing of zones thus sells too late rather than too early; of a takedown it is the
    other way round.
    """
    begin, end = period.begin, period.end
    places = (where.territories, where.excluded)
    starts, stops = (
        (PointInTime.first, PointInTime.last)
        if terms.is_takedown
        else (PointInTime.last, PointInTime.first)
    )
    is_closed = (bool(period.errors) or where.is_closed) and not terms.is_takedown
    return {
        "valid_from": None if begin is None else starts(begin, *places),
        "local_from": None if begin is None else begin.local,
        "valid_to": times.CLOSED if is_closed else None if end is None else stops(end, *places),
        "local_to": None if is_closed or end is None else end.local,
        "territories": list(where.territories) or None,
        "excluded_territories": list(where.excluded) or None,
    }


def _periods(terms: Element, created: datetime) -> list[Period]:
    """The periods of a deal; none begins before an EffectiveDate that was to come.

    ddex.net/dd, ern_ReleaseDeal: "The Date at which the MessageRecipient is expected to cancel all
    Deals for the Release and replace them with the Deals provided within the current Message",
    typically the day on which the message is sent: then the periods speak for themselves.
    """
    found = [_period(element) for element in terms.findall("ValidityPeriod")] or [Period()]
    deal = terms.getparent()
    release_deal = None if deal is None else deal.getparent()
    effective, errors = _instant(release_deal, times.start, "EffectiveDate")
    if effective is not None and effective.at.replace(tzinfo=UTC) <= created:
        effective = None
    return [
        Period(_latest(period.begin, effective), period.end, period.errors + errors)
        for period in found
    ]


def _latest(one: PointInTime | None, other: PointInTime | None) -> PointInTime | None:
    return one if other is None else other if one is None else times.later(one, other)


def _period(element: Element) -> Period:
    begin, begin_errors = _instant(element, times.start, "StartDateTime", "StartDate")
    end, end_errors = _instant(element, times.end, "EndDateTime", "EndDate")
    return Period(begin, end, begin_errors + end_errors)


def _instant(
    element: Element | None, read: times.Reading, *names: str
) -> tuple[PointInTime | None, tuple[ValidationError, ...]]:
    """The first of the dates that is there, and what is wrong with it."""
    for name in names:
        if (written := text(element, name)) is not None:
            found = read(written)
            return found, () if found else ((name, written, _NO_DATE),)
    return None, ()


def _shown(terms: Element, where: Where, visible: Sequence[Element]) -> Iterator[tuple[Where, Row]]:
    """The deal's territories, divided by from when the release may be seen in them.

    Up to 4.1 the deal itself says it, from 4.2 on each ReleaseVisibility for its territories
    (ern.ddex.net, ReleaseVisibility). A date without a zone counts from when it has come in all of
    the territories, so that nothing is shown too early.
    """
    if not visible or any(text(terms, name) for name in (*_DISPLAY, *_PREVIEW)):
        yield where, _dates(where, terms)
        return
    rest = where.region
    for element in visible:
        there = read_where(element, is_takedown=False)
        said_somewhere = there.territories or there.excluded
        part = rest.within(there.region) if said_somewhere else rest
        if part == rest:
            kept = where if rest == where.region else where.narrowed(rest)
            yield kept, _dates(kept, element)
            return
        if not part.is_empty:
            narrowed = where.narrowed(part)
            yield narrowed, _dates(narrowed, element)
            rest = rest.without(part)
    kept = where if rest == where.region else where.narrowed(rest)
    if not rest.is_empty or kept is where:
        yield kept, {"display_from": None, "preview_from": None}


def _dates(where: Where, element: Element) -> Row:
    found = [_instant(element, times.start, *names)[0] for names in (_DISPLAY, _PREVIEW)]
    display, preview = [m and m.last(where.territories, where.excluded) for m in found]
    return {"display_from": display, "preview_from": preview}


def _channels(terms: Element) -> list[str] | None:
    """Where alone a deal may be used (`-` before those where it may not)."""
    deal = terms.getparent()
    found = [("", e) for e in terms.findall("DistributionChannel")]
    found += [("-", e) for e in terms.findall("ExcludedDistributionChannel")]
    found += [("", e) for e in ([] if deal is None else deal.findall("DistributionChannelPage"))]
    names = (
        (sign, next((t for p in _CHANNEL_NAMES if (t := text(element, p))), text(element, ".")))
        for sign, element in found
    )
    return list(dict.fromkeys(f"{sign}{name}" for sign, name in names if name)) or None


_CHANNEL_NAMES = ("PartyName/FullName", "PageName", "PartyId", "URL", "Url")


def _place(state: Row) -> str:
    """The territories, short enough to be part of an id."""
    included, excluded = state["territories"], state["excluded_territories"]
    codes = sorted(included) if isinstance(included, list) else []
    codes += [f"-{code}" for code in sorted(excluded)] if isinstance(excluded, list) else []
    said_short = "+".join(as_part(code) for code in codes)
    if len(said_short) <= 24:
        return said_short or "unsaid"
    return f"{len(codes)}-{hashlib.sha256(said_short.encode()).hexdigest()[:12]}"


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

"""Deals: what may be done with a release, where, when and at which price.

A deal of several commercial models, use types and periods becomes a row for each combination. Its
row's id is made of what it is a deal about (`<release>/<model>/<use>/<territories>/<number>`), so
that another price is a change of the same row, and a deal that comes or goes shifts few others.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from lxml.etree import _Element as Element

from adapters.ingestion.ern.reading import all_said, end_of, instant, said, text
from adapters.ingestion.ern.rows import Row, Rows, as_part

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


def add(
    rows: Rows,
    deals: list[Element],
    visibility: Element | None,
    release_id: str,
    track_id: str | None,
) -> None:
    """Add the deal rows of a release; `track_id` where it is the release of one track."""
    numbers: Counter[str] = Counter()
    for terms in deals:
        for state in _states(terms, visibility):
            subject = "/".join(
                (
                    release_id,
                    as_part(str(state["commercial_model"] or "any")),
                    as_part(str(state["use_type"] or "any")),
                    _where(state),
                )
            )
            numbers[subject] += 1
            own_id = f"{subject}/{numbers[subject]}"
            rows.add("deal", own_id, release_id=release_id, track_id=track_id, **state)
            for field, rule in _unread(terms):
                rows.add_flaw("release", release_id, f"{own_id}/{field}", *rule)


def is_taken_down(deals: list[Element]) -> bool:
    """Whether a release has deals, and all of them only take down (ERN 3.8)."""
    return bool(deals) and all(_is_takedown(terms) for terms in deals)


def _states(terms: Element, visibility: Element | None) -> Iterator[Row]:
    models: Sequence[str | None] = all_said(terms, "CommercialModelType") or [None]
    uses = [use for usage in terms.findall("Usage") for use in all_said(usage, "UseType")]
    uses += all_said(terms, "UseType")
    periods: Sequence[Element | None] = terms.findall("ValidityPeriod") or [None]
    shared: Row = {
        "is_preorder": text(terms, "IsPreOrderDeal") == "true",
        "display_from": _first_instant(_DISPLAY, terms, visibility),
        "preview_from": _first_instant(_PREVIEW, terms, visibility),
        "territories": _codes(terms, "TerritoryCode"),
        "excluded_territories": _codes(terms, "ExcludedTerritoryCode"),
        "prices": _prices(terms),
        "is_takedown": _is_takedown(terms),
    }
    for model in models:
        for use in dict.fromkeys(uses) or [None]:
            for period in periods:
                yield {
                    "commercial_model": model,
                    "use_type": use,
                    "valid_from": _instant(period, instant, "StartDateTime", "StartDate"),
                    "valid_to": _instant(period, end_of, "EndDateTime", "EndDate"),
                    **shared,
                }


def _where(state: Row) -> str:
    """The territories, short enough to be part of an id."""
    included, excluded = state["territories"], state["excluded_territories"]
    codes = sorted(included) if isinstance(included, list) else []
    codes += [f"-{code}" for code in sorted(excluded)] if isinstance(excluded, list) else []
    said_short = "+".join(as_part(code) for code in codes)
    if len(said_short) <= 24:
        return said_short or "unsaid"
    return f"{len(codes)}-{hashlib.sha256(said_short.encode()).hexdigest()[:12]}"


def _codes(terms: Element, name: str) -> list[str] | None:
    codes = [(e.text or "").strip() for e in terms.findall(name)]
    return list(dict.fromkeys(filter(None, codes))) or None


def _is_takedown(terms: Element) -> bool:
    return text(terms, "TakeDown") == "true"


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


def _unread(terms: Element) -> Iterator[tuple[str, tuple[str, str]]]:
    """Prices and dates of a deal that can't be read: field, and value with the rule it breaks."""
    for name in _PRICES:
        for element in terms.findall(f"PriceInformation/{name}"):
            amount = (element.text or "").strip()
            if amount and not _is_amount(amount):
                yield name, (amount, "must be an amount such as 7.99")
    for name in ("StartDateTime", "StartDate", "EndDateTime", "EndDate"):
        for element in terms.findall(f"ValidityPeriod/{name}"):
            written = (element.text or "").strip()
            if written and instant(written) is None:
                yield name, (written, "must be a date such as 2014-01-31")


def _first_instant(names: tuple[str, ...], *elements: Element | None) -> datetime | None:
    for element in elements:
        if (found := _instant(element, instant, *names)) is not None:
            return found
    return None


def _instant(
    element: Element | None, read: Callable[[str], datetime | None], *names: str
) -> datetime | None:
    for name in names:
        if (written := text(element, name)) is not None:
            return read(written)
    return None

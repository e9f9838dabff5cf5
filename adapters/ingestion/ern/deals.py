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
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product

from adapters.ingestion.ern import times
from adapters.ingestion.ern.deal_territories import EVERYWHERE, ValidationError, Where
from adapters.ingestion.ern.rows import Row, Rows, as_part
from adapters.ingestion.ern.terms import Period, Seen, Terms, Visibility
from adapters.ingestion.ern.times import PointInTime


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


def add(rows: Rows, deals: list[Terms], visible: Sequence[Visibility], about: Subject) -> None:
    """Add the deal rows of a release, and what is wrong with its deals."""
    if not deals:
        return
    wanted = {reference for terms in deals for reference in terms.gratifications}
    about = replace(about, tracks={r: t for r, t in about.tracks.items() if r in wanted})
    rows.make("deal", lambda: (row for row, _ in _rows(deals, visible, about)))
    if any(terms.has_errors for terms in deals):
        release_id = about.release_id
        for row, errors in _rows(deals, visible, about):
            for name, written, rule in errors:
                field = f"{row['id']}/{name}"
                rows.add_validation_error("release", release_id, field, written, rule)


def _rows(
    deals: list[Terms], visible: Sequence[Visibility], about: Subject
) -> Iterator[tuple[Row, Sequence[ValidationError]]]:
    """The deal rows of a release, and what is wrong with each."""
    release_id, track_id = about.release_id, about.track_id
    numbers: Counter[str] = Counter()
    for terms in deals:
        for state, errors in _states(terms, visible, about):
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
            row = {"id": own_id, "release_id": release_id, "track_id": track_id} | state
            yield row, errors


def is_taken_down(deals: list[Terms], created: datetime) -> bool:
    """Whether a release has deals, and all of them only take it down, everywhere, by now.

    A takedown that comes later or concerns some territories is told by its deal alone.
    """
    return bool(deals) and all(_takes_down_all(terms, created) for terms in deals)


def _takes_down_all(terms: Terms, created: datetime) -> bool:
    if not terms.is_takedown or terms.where.region != EVERYWHERE:
        return False
    begins = [period.begin for period in terms.periods(created)]
    return any(b is None or b.first((), ()) <= created for b in begins)


def _states(
    terms: Terms, visible: Sequence[Visibility], about: Subject
) -> Iterator[tuple[Row, Sequence[ValidationError]]]:
    """The rows of a deal, and what is wrong with each; what all share comes with the first."""
    errors = terms.errors
    for model, use in product(terms.models, terms.uses):
        for period in terms.periods(about.created):
            for one in _kinds(terms, period, about.tracks):
                for where, shown in _shown(terms, visible):
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
                    yield state, (*errors, *period.errors)
                    errors = ()


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


def _shown(terms: Terms, visible: Sequence[Visibility]) -> Iterator[tuple[Where, Row]]:
    """The deal's territories, divided by from when the release may be seen in them.

    Up to 4.1 the deal itself says it, from 4.2 on each ReleaseVisibility for its territories
    (ern.ddex.net, ReleaseVisibility). A date without a zone counts from when it has come in all of
    the territories, so that nothing is shown too early.
    """
    where = terms.where
    if not visible or terms.seen.is_said:
        yield where, _dates(where, terms.seen)
        return
    rest = where.region
    for one in visible:
        there = one.where
        said_somewhere = there.territories or there.excluded
        part = rest.within(there.region) if said_somewhere else rest
        if part == rest:
            kept = where if rest == where.region else where.narrowed(rest)
            yield kept, _dates(kept, one.seen)
            return
        if not part.is_empty:
            narrowed = where.narrowed(part)
            yield narrowed, _dates(narrowed, one.seen)
            rest = rest.without(part)
    kept = where if rest == where.region else where.narrowed(rest)
    if not rest.is_empty or kept is where:
        yield kept, {"display_from": None, "preview_from": None}


def _dates(where: Where, seen: Seen) -> Row:
    display, preview = [
        m and m.last(where.territories, where.excluded) for m in (seen.display, seen.preview)
    ]
    return {"display_from": display, "preview_from": preview}


def _place(state: Row) -> str:
    """The territories, short enough to be part of an id."""
    included, excluded = state["territories"], state["excluded_territories"]
    codes = sorted(included) if isinstance(included, list) else []
    codes += [f"-{code}" for code in sorted(excluded)] if isinstance(excluded, list) else []
    said_short = "+".join(as_part(code) for code in codes)
    if len(said_short) <= 24:
        return said_short or "unsaid"
    return f"{len(codes)}-{hashlib.sha256(said_short.encode()).hexdigest()[:12]}"

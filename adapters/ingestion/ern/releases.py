"""The releases of a message: which they are, and what each says of itself."""

from dataclasses import dataclass

from lxml.etree import _Element as Element

from adapters.ingestion.ern import recordings
from adapters.ingestion.ern.contents import components
from adapters.ingestion.ern.parties import Parties
from adapters.ingestion.ern.reading import (
    children,
    day,
    default,
    is_true,
    milliseconds,
    said,
    text,
    title,
    value,
)
from adapters.ingestion.ern.rows import Row, Rows, as_part, identifiers
from domain.failures import Unusable
from domain.identifiers import Identifier, is_placeholder

_TRACK_RELEASES = ("TrackRelease", "VideoTrackRelease", "ClipRelease")
_IDENTITY = ("gtin", "grid", "proprietary", "catalog-number", "isrc")
"""Schemes by which a release is the same as before, best first."""
_DATES = ("OriginalReleaseDate", "GlobalOriginalReleaseDate", "ReleaseDate")


@dataclass(frozen=True)
class Release:
    """One Release or TrackRelease element."""

    element: Element
    reference: str
    ids: list[Identifier]
    is_track_release: bool

    @property
    def name(self) -> str:
        """For messages to people."""
        return f"release {self.reference or '(without reference)'}"

    @property
    def key(self) -> str | None:
        """The number that identifies it among its sender's; None if it has none.

        One that breaks its scheme's rules does so only where there is no better one, a placeholder
        never.
        """
        for usable in (
            [i for i in self.ids if i.is_valid],
            [i for i in self.ids if not is_placeholder(i)],
        ):
            by_scheme = {i.scheme: i for i in reversed(usable)}
            found = next((by_scheme[s] for s in _IDENTITY if s in by_scheme), None)
            if found is not None:
                return as_part(found.value)
        return None


def read(root: Element) -> list[Release]:
    """All releases. Raises Unusable for a main release without an id."""
    releases = []
    for element in root.findall("ReleaseList/*"):
        if element.tag != "Release" and element.tag not in _TRACK_RELEASES:
            continue
        ids = identifiers(element.findall("ReleaseId"))
        releases.append(
            Release(
                element=element,
                reference=text(element, "ReleaseReference") or "",
                ids=ids,
                is_track_release=_is_track_release(element, ids),
            )
        )
    if not releases:
        raise Unusable("it has no release")
    if all(r.is_track_release for r in releases):
        releases = [Release(r.element, r.reference, r.ids, False) for r in releases]
    for release in releases:
        if release.key is None and not release.is_track_release:
            raise Unusable(f"{release.name} has no id (ICPN, GRid, ProprietaryId …)")
    return releases


def _is_track_release(element: Element, ids: list[Identifier]) -> bool:
    """By its element (4.x) or type (3.x); of one without a type its ISRC tells it (ERN 3)."""
    if is_true(element.get("IsMainRelease")):
        return False
    kinds = {said(e) for e in children(element, "ReleaseType")}
    if element.tag in _TRACK_RELEASES or kinds & set(_TRACK_RELEASES):
        return True
    return not kinds and any(i.scheme == "isrc" for i in ids)


def state(element: Element, parties: Parties) -> Row:
    """Columns of a release, as its own element says them."""
    main_title, version = title(element)
    written = value(element, *_DATES)
    duration = value(element, "Duration")
    label = default(children(element, "ReleaseLabelReference"))
    return {
        "label_id": parties.label(
            value(element, "LabelName"), None if label is None else (label.text or "").strip()
        ),
        "artist_id": recordings.artist_of(element, parties),
        "title": main_title,
        "version_title": version,
        "display_artist": recordings.display_artist(element),
        "release_year": int(written[:4]) if written and written[:4].isdecimal() else None,
        "original_release_date": day(written) if written else None,
        "parental_warning": value(element, "ParentalWarningType"),
        "pline": value(element, "PLine/PLineText"),
        "cline": value(element, "CLine/CLineText"),
        "duration_ms": milliseconds(duration) if duration else None,
        "tags": _tags(element),
    }


def add_validation_errors(rows: Rows, element: Element, own_id: str) -> None:
    """Add what is wrong with a release's dates and durations."""
    duration, written = value(element, "Duration"), value(element, *_DATES)
    if duration and milliseconds(duration) is None:
        rule = "must be a duration such as PT3M45S"
        rows.add_validation_error("release", own_id, "duration", duration, rule)
    if written and day(written) is None and not written.isdecimal():
        rule = "must be a date such as 2014-01-31"
        rows.add_validation_error("release", own_id, "release date", written, rule)


def _tags(element: Element) -> list[str] | None:
    found = [
        text(genre, name)
        for genre in children(element, "Genre")
        for name in ("GenreText", "SubGenre")
    ]
    return list(dict.fromkeys(t for t in found if t)) or None


def add_related(rows: Rows, element: Element, own_id: str) -> None:
    """Add the releases that a release names: related ones, and its own components."""
    related = [
        (value(r, "ReleaseRelationshipType") or "related", r.findall("ReleaseId"))
        for r in children(element, "RelatedRelease")
    ]
    related.append(("HasReleaseComponent", components(element)))
    number = 0
    for relation, holders in related:
        for identifier in identifiers(holders):
            number += 1
            rows.add(
                "related_release",
                f"{own_id}/{number}",
                release_id=own_id,
                relation=relation,
                scheme=identifier.scheme,
                namespace=identifier.namespace,
                value=identifier.value,
            )

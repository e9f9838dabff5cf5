"""Releases of a message: each main release with all that comes with it is one statement.

Everything that comes with a main release (its track releases, tracks, recordings) lives under its
id, so that a newer statement about it replaces all of it and nothing else.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml.etree import _Element as Element

from adapters.ingestion.ern import deals, recordings
from adapters.ingestion.ern.contents import Place, components, contents
from adapters.ingestion.ern.document import Unusable
from adapters.ingestion.ern.parties import Parties
from adapters.ingestion.ern.reading import (
    children,
    day,
    default,
    milliseconds,
    places,
    said,
    text,
    title,
    value,
)
from adapters.ingestion.ern.rows import Row, Rows, as_part, identifiers
from domain.identifiers import Identifier

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
        """The number that identifies it among its sender's; None if it has none."""
        by_scheme = {i.scheme: i for i in reversed(self.ids)}
        found = next((by_scheme[s] for s in _IDENTITY if s in by_scheme), None)
        return as_part(found.value) if found else None


@dataclass
class ReleaseStatement:
    """What a message says of one main release."""

    id: str
    also_known_as: set[str]
    """Ids that the release would have by its other GTINs and GRids."""
    numbers: set[str]
    """Ids by all of its numbers: a purge may name any."""
    rows: Rows = field(default_factory=Rows)

    @property
    def weight(self) -> int:
        """How much it says: its numbers, less its flaws."""
        return len(self.rows.of("identifier")) - len(self.rows.of("flaw"))

    @property
    def owned(self) -> dict[str, list[str]]:
        """Kind → ids of all that came with it."""
        kinds = ("release", "track", "recording")
        return {kind: self.rows.ids(kind) for kind in kinds}


def read(root: Element) -> list[Release]:
    """All releases. Raises Unusable for a main release without an id."""
    releases = []
    for element in root.findall("ReleaseList/*"):
        if element.tag != "Release" and element.tag not in _TRACK_RELEASES:
            continue
        kinds = {said(e) for e in children(element, "ReleaseType")}
        is_track = element.tag in _TRACK_RELEASES or bool(kinds & set(_TRACK_RELEASES))
        releases.append(
            Release(
                element=element,
                reference=text(element, "ReleaseReference") or "",
                ids=identifiers(element.findall("ReleaseId")),
                is_track_release=is_track and element.get("IsMainRelease") != "true",
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


class Teller:
    """Tells a message's releases as rows; holds what they share."""

    def __init__(self, root: Element, prefix: str, parties: Parties) -> None:
        self.parties = parties
        self.recordings, self.resources = recordings.read(root, parties)
        self._prefix = prefix
        self._deals = deals.by_release(root)
        self._visibilities = deals.visibilities(root)

    def statements(self, releases: list[Release]) -> list[ReleaseStatement]:
        """A statement for each main release."""
        mains = [r for r in releases if not r.is_track_release]
        places_of = {id(r): contents(r.element, self.recordings) for r in releases}
        followers: dict[int, list[Release]] = {id(main): [] for main in mains}
        for track_release in (r for r in releases if r.is_track_release):
            wanted = {p.reference for p in places_of[id(track_release)]}
            holder = next(
                (m for m in mains if wanted & {p.reference for p in places_of[id(m)]}), mains[0]
            )
            followers[id(holder)].append(track_release)
        placed = {p.reference for found in places_of.values() for p in found}
        unplaced = [r for r in self.recordings if r not in placed]
        return [
            self._statement(
                main, followers[id(main)], places_of, unplaced if main is mains[0] else []
            )
            for main in mains
        ]

    def _statement(
        self,
        main: Release,
        track_releases: list[Release],
        places_of: dict[int, list[Place]],
        unplaced: list[str],
    ) -> ReleaseStatement:
        own_id = f"{self._prefix}{main.key}"
        strong = [i for i in main.ids if i.scheme in ("gtin", "grid")]
        statement = ReleaseStatement(
            id=own_id,
            also_known_as={own_id, *(f"{self._prefix}{as_part(i.value)}" for i in strong)},
            numbers={own_id, *(f"{self._prefix}{as_part(i.value)}" for i in main.ids)},
        )
        rows = statement.rows
        everywhere = [p for r in (main, *track_releases) for p in places_of[id(r)]]
        references = dict.fromkeys([*(p.reference for p in everywhere), *unplaced])
        recording_ids = self._add_recordings(rows, own_id, list(references))
        tracks = self._add_tracks(rows, own_id, places_of[id(main)], recording_ids)
        self._add_release(rows, main, own_id, len(tracks), None)
        first_track = {p.reference: t for p, t in reversed(tracks)}
        for release_id, release in _named(own_id, track_releases):
            own_places = places_of[id(release)]
            missing = [p for p in own_places if p.reference not in first_track]
            own_tracks = self._add_tracks(rows, release_id, missing, recording_ids)
            first_track |= {p.reference: t for p, t in own_tracks}
            track_ids = [first_track[p.reference] for p in own_places]
            self._add_release(rows, release, release_id, len(own_places), track_ids[:1])
            self._lend_isrc(rows, release, own_places, recording_ids)
        return statement

    def _add_recordings(self, rows: Rows, release_id: str, references: list[str]) -> dict[str, str]:
        """Add the recordings; returns their ids by reference."""
        ids: dict[str, str] = {}
        keys: Counter[str] = Counter()
        for reference in references:
            recording = self.recordings[reference]
            keys[recording.key] += 1
            ids[reference] = f"{release_id}/{_counted(recording.key, keys[recording.key])}"
            recordings.add(rows, recording, ids[reference], self.parties)
        return ids

    def _add_tracks(
        self, rows: Rows, release_id: str, where: list[Place], recording_ids: dict[str, str]
    ) -> list[tuple[Place, str]]:
        """Add the tracks with their formats; returns their ids."""
        tracks: list[tuple[Place, str]] = []
        keys: Counter[str] = Counter()
        for place in where:
            recording = self.recordings[place.reference]
            recording_id = recording_ids[place.reference]
            key = recording_id.rpartition("/")[2]
            keys[key] += 1
            track_id = f"{release_id}/{_counted(key, keys[key])}"
            rows.add(
                "track",
                track_id,
                release_id=release_id,
                recording_id=recording_id,
                disc_number=place.disc,
                track_number=place.number,
                kind=str(recording.element.tag),
                **recording.state,
            )
            recordings.add_formats(rows, recording, track_id, release_id)
            tracks.append((place, track_id))
        return tracks

    def _add_release(
        self,
        rows: Rows,
        release: Release,
        own_id: str,
        track_count: int,
        of_tracks: list[str] | None,
    ) -> None:
        """Add the release's row, numbers, contributors, related releases and deals."""
        element = release.element
        terms = self._deals.get(release.reference, [])
        state = self._state(element)
        if of_tracks:
            # A track release (4.x) is titled by its track.
            track = next(t for t in rows.of("track") if t["id"] == of_tracks[0])
            shared = ("title", "version_title", "display_artist", "artist_id", "duration_ms")
            state = {n: v if v is not None else track.get(n) for n, v in state.items()} | {
                n: track[n] for n in shared if state["title"] is None
            }
        taken_down = deals.is_taken_down(terms)
        rows.add(
            "release",
            own_id,
            licensor_id=self.parties.licensor,
            release_type=value(element, "ReleaseType")
            or (str(element.tag) if element.tag != "Release" else None),
            track_count=track_count,
            status="taken_down" if taken_down else "active",
            **state,
        )
        rows.add_identifiers("release", own_id, [i for i in release.ids if i.scheme != "isrc"])
        self._add_flaws(rows, element, own_id)
        said_here = [child for place in places(element) for child in place]
        self.parties.contributors(rows, "release", own_id, said_here)
        _add_related(rows, element, own_id)
        visibility = self._visibilities.get(text(element, "ReleaseVisibilityReference") or "")
        track_id = of_tracks[0] if of_tracks else None
        deals.add(rows, terms, visibility, own_id, track_id)

    def _state(self, element: Element) -> Row:
        main_title, version = title(element)
        written = value(element, *_DATES)
        duration = value(element, "Duration")
        label = default(children(element, "ReleaseLabelReference"))
        return {
            "label_id": self.parties.label(
                value(element, "LabelName"), None if label is None else (label.text or "").strip()
            ),
            "artist_id": recordings.artist_of(element, self.parties),
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

    def _add_flaws(self, rows: Rows, element: Element, own_id: str) -> None:
        duration, written = value(element, "Duration"), value(element, *_DATES)
        if duration and milliseconds(duration) is None:
            rule = "must be a duration such as PT3M45S"
            rows.add_flaw("release", own_id, "duration", duration, rule)
        if written and day(written) is None and not written.isdecimal():
            rule = "must be a date such as 2014-01-31"
            rows.add_flaw("release", own_id, "release date", written, rule)

    def _lend_isrc(
        self, rows: Rows, release: Release, where: list[Place], recording_ids: dict[str, str]
    ) -> None:
        """Give a track release's ISRC (3.x) to its recording, whose number it is (ISO 3901)."""
        lent = [i for i in release.ids if i.scheme == "isrc"]
        if not lent or len(where) != 1:
            return
        recording_id = recording_ids[where[0].reference]
        own = self.recordings[where[0].reference].ids
        missing = [i for i in lent if (i.scheme, i.value) not in {(o.scheme, o.value) for o in own}]
        rows.add_identifiers("recording", recording_id, [*own, *missing])


def _named(main_id: str, track_releases: list[Release]) -> Iterator[tuple[str, Release]]:
    keys: Counter[str] = Counter()
    for release in track_releases:
        key = release.key or as_part(release.reference)
        keys[key] += 1
        yield f"{main_id}/{_counted(key, keys[key])}", release


def _counted(key: str, count: int) -> str:
    """Two of a kind are told apart by their number."""
    return key if count == 1 else f"{key}~{count}"


def _tags(element: Element) -> list[str] | None:
    found = [
        text(genre, name)
        for genre in children(element, "Genre")
        for name in ("GenreText", "SubGenre")
    ]
    return list(dict.fromkeys(t for t in found if t)) or None


def _add_related(rows: Rows, element: Element, own_id: str) -> None:
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

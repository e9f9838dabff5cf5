"""What a message says of its main releases: each with all that comes with it is one statement.

Everything that comes with a main release (its track releases, tracks, recordings) lives under its
id, so that a newer statement about it replaces all of it and nothing else.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lxml.etree import _Element as Element

from adapters.ingestion.ern import deals, identity, recordings, releases
from adapters.ingestion.ern.contents import Place, contents, references
from adapters.ingestion.ern.header import Header
from adapters.ingestion.ern.parties import Parties
from adapters.ingestion.ern.reading import places, value
from adapters.ingestion.ern.releases import Release
from adapters.ingestion.ern.rows import Rows, as_part
from adapters.ingestion.ern.terms import Dealt
from domain.identifiers import Identifier, is_placeholder

Stamp = tuple[datetime, int, str]
"""When, how much, and by which message something was said: the greatest counts."""


@dataclass
class ReleaseStatement:
    """What a message says of one main release."""

    id: str
    """`<sender>:<its best number>`: the same number later is the same release."""
    numbers: set[str]
    """Such ids by all of its numbers: a purge may name any."""
    keys: list[str] = field(default_factory=list)
    """The numbers by which it is the same release as before, best first."""
    weak_keys: list[str] = field(default_factory=list)
    """Its numbers that may stand on other releases too."""
    is_partial: bool = False
    """It leaves resources out: what is known of its tracks stays."""
    track_isrcs: dict[str, list[str]] = field(default_factory=dict)
    """Of a partial one: track release → the ISRCs by which it names its recording."""
    track_numbers: dict[str, set[str]] = field(default_factory=dict)
    """Track release → all its numbers, as `number_key` writes them: a purge may name any."""
    rows: Rows = field(default_factory=Rows)

    @property
    def weight(self) -> int:
        """How much it says: its numbers, less its validation errors."""
        return len(self.rows.of("identifier")) - len(self.rows.of("flaw"))

    @property
    def owned(self) -> dict[str, list[str]]:
        """Kind → ids of all that came with it."""
        kinds = ("release", "track", "recording")
        return {kind: self.rows.ids(kind) for kind in kinds}


class Teller:
    """Tells a message's releases as rows; holds what they share."""

    def __init__(self, root: Element, header: Header, parties: Parties, dealt: Dealt) -> None:
        self.parties = parties
        self.recordings, self.resources = recordings.read(root, parties)
        self._prefix = header.prefix
        self._created = header.created_at
        self._lent: dict[str, list[Identifier]] = {}
        self._dealt = dealt

    def statements(
        self, found: list[Release], names: Mapping[str, str] | None = None
    ) -> list[ReleaseStatement]:
        """A statement for each main release; `names` says under which other ids they are known."""
        names = names or {}
        self._lent = {}
        mains = [r for r in found if not r.is_track_release]
        places_of = {id(r): contents(r.element, self.recordings) for r in found}
        held = [references(main.element) for main in mains]
        followers: dict[int, list[Release]] = {id(main): [] for main in mains}
        for track_release in (r for r in found if r.is_track_release):
            wanted = references(track_release.element)
            holder = next((m for m, own in zip(mains, held, strict=True) if wanted & own), mains[0])
            followers[id(holder)].append(track_release)
        placed = {p.reference for places in places_of.values() for p in places}
        unplaced = [r for r in self.recordings if r not in placed]
        return [
            self._statement(
                main,
                names.get(own_id, own_id),
                followers[id(main)],
                places_of,
                unplaced if main is mains[0] else [],
            )
            for own_id, main in _named(self._prefix, mains)
        ]

    def _statement(
        self,
        main: Release,
        own_id: str,
        track_releases: list[Release],
        places_of: dict[int, list[Place]],
        unplaced: list[str],
    ) -> ReleaseStatement:
        usable = [i for i in main.ids if not is_placeholder(i)]
        statement = ReleaseStatement(
            own_id,
            {f"{self._prefix}{as_part(i.value)}" for i in usable} | {own_id},
            identity.keys_of(self._prefix, main.ids),
            identity.weak_keys_of(self._prefix, main.ids),
            is_partial=not self.resources,
        )
        rows = statement.rows
        everywhere = [p for r in (main, *track_releases) for p in places_of[id(r)]]
        told = dict.fromkeys([*(p.reference for p in everywhere), *unplaced])
        recording_ids = self._add_recordings(rows, own_id, list(told))
        tracks = self._add_tracks(rows, own_id, places_of[id(main)], recording_ids)
        first_track = {p.reference: t for p, t in reversed(tracks)}
        self._add_release(rows, main, own_id, len(tracks), None, first_track)
        self._lend_isrc(rows, main, places_of[id(main)], recording_ids)
        for release_id, release in _named(f"{own_id}/", track_releases):
            own_places = places_of[id(release)]
            isrcs = [i.value for i in release.ids if i.scheme == "isrc"]
            statement.track_isrcs[release_id] = isrcs
            statement.track_numbers[release_id] = {
                identity.number_key(self._prefix, i) for i in release.ids if not is_placeholder(i)
            }
            missing = [p for p in own_places if p.reference not in first_track]
            own_tracks = self._add_tracks(rows, release_id, missing, recording_ids)
            first_track |= {p.reference: t for p, t in own_tracks}
            track = first_track[own_places[0].reference] if len(own_places) == 1 else None
            self._add_release(rows, release, release_id, len(own_places), track, first_track)
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
        track_id: str | None,
        tracks: dict[str, str],
    ) -> None:
        """Add the release's row, numbers, contributors, related releases and deals.

        `track_id` is set for the release of one track; `tracks` are all, by resource reference.
        """
        element = release.element
        terms = self._dealt.of_release.get(release.reference, [])
        state = releases.state(element, self.parties)
        deal_track = track_id
        if track_id is not None:
            # What a track release doesn't say of itself (4.x: hardly anything) its track says.
            track = rows.get("track", track_id)
            untitled = state["title"] is None
            state = {n: v if v is not None else track.get(n) for n, v in state.items()}
            state["version_title"] = track["version_title"] if untitled else state["version_title"]
            if track["release_id"] == own_id:
                deal_track = None  # of a release that holds its track itself, it is for all of it
        taken_down = deals.is_taken_down(terms, self._created)
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
        is_lent = track_count == 1 or not self.resources
        kept = [i for i in release.ids if i.scheme != "isrc" or not is_lent]
        rows.add_identifiers("release", own_id, kept)
        releases.add_validation_errors(rows, element, own_id)
        said_here = [child for place in places(element) for child in place]
        self.parties.contributors(rows, "release", own_id, said_here)
        releases.add_related(rows, element, own_id)
        visible = [
            visibility
            for reference in element.findall("ReleaseVisibilityReference")
            if (visibility := self._dealt.visibilities.get((reference.text or "").strip()))
            is not None
        ]
        about = deals.Subject(own_id, deal_track, tracks, self._created)
        deals.add(rows, terms, visible, about)

    def _lend_isrc(
        self, rows: Rows, release: Release, where: list[Place], recording_ids: dict[str, str]
    ) -> None:
        """Give a track release's ISRC (3.x) to its recording, whose number it is (ISO 3901).

        What no single recording can take stays with the release.
        """
        lent = [i for i in release.ids if i.scheme == "isrc"]
        if not lent or len(where) != 1:
            return
        recording_id = recording_ids[where[0].reference]
        own = self._lent.setdefault(recording_id, list(self.recordings[where[0].reference].ids))
        known = {(o.scheme, o.value) for o in own}
        own += [i for i in lent if (i.scheme, i.value) not in known]
        rows.add_identifiers("recording", recording_id, own)


def _named(prefix: str, found: list[Release]) -> Iterator[tuple[str, Release]]:
    """Releases under their ids."""
    keys: Counter[str] = Counter()
    for release in found:
        key = release.key or as_part(release.reference)
        keys[key] += 1
        yield f"{prefix}{_counted(key, keys[key])}", release


def _counted(key: str, count: int) -> str:
    """Two of a kind are distinguished by their number."""
    return key if count == 1 else f"{key}~{count}"

"""Recordings."""

from adapters.api.shapes.identifier import Identifier
from adapters.api.shapes.party import Contributor, Reference, RightsHolder
from adapters.api.shapes.shape import Revision, Shape


class RecordingDetails(Shape, frozen=True):
    """A recording."""

    id: str
    title: str | None
    version_title: str | None
    display_artist: str | None
    artist: Reference | None
    kind: str | None
    duration_ms: int | None
    parental_warning: str | None
    language: str | None
    pline: str | None
    licensor: RightsHolder | None
    identifiers: list[Identifier]
    contributors: list[Contributor]
    revision: Revision


class RecordingTrack(Shape, frozen=True):
    """Where a recording is a track."""

    id: str
    release_id: str | None
    release_title: str | None
    disc_number: int | None
    track_number: int | None


class Recording(RecordingDetails, frozen=True):
    """A recording and the tracks that it is."""

    tracks: list[RecordingTrack]

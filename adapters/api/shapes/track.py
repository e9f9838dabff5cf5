"""Tracks: places of recordings on releases."""

from adapters.api.shapes.availability import Availability
from adapters.api.shapes.format import Format
from adapters.api.shapes.identifier import Identifier
from adapters.api.shapes.party import Reference
from adapters.api.shapes.recording import RecordingDetails
from adapters.api.shapes.release import ReleaseDetails
from adapters.api.shapes.shape import Revision, Shape


class TrackDetails(Shape, frozen=True):
    """A track: the place of a recording on a release."""

    id: str
    release_id: str | None
    recording_id: str | None
    disc_number: int | None
    track_number: int | None
    title: str | None
    version_title: str | None
    display_artist: str | None
    artist: Reference | None
    kind: str | None
    duration_ms: int | None
    parental_warning: str | None
    identifiers: list[Identifier]
    formats: list[Format]
    revision: Revision


class AvailableTrack(TrackDetails, frozen=True):
    """A track with the numbers of its recording (the ISRC) and its availability."""

    recording_identifiers: list[Identifier]
    availability: Availability


class Track(Shape, frozen=True):
    """A track with its recording and release."""

    track: AvailableTrack
    recording: RecordingDetails | None
    release: ReleaseDetails | None


class ReleaseTracks(Shape, frozen=True):
    """The tracks of a release in their order."""

    release_id: str
    items: list[AvailableTrack]
    truncated: bool

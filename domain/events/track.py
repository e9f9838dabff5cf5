"""Tracks: the place of a recording on a release."""

from dataclasses import dataclass
from typing import ClassVar

from domain.events.event import Effect, Event


@dataclass(frozen=True, kw_only=True)
class TrackState(Event):
    """What a track is, as the master catalog says it."""

    SUBJECT: ClassVar[str] = "track"

    release_id: str | None = None
    """May name a release that the catalog does not (yet) hold."""
    recording_id: str | None = None
    artist_id: str | None = None
    disc_number: int | None = None
    track_number: int | None = None
    title: str | None = None
    version_title: str | None = None
    display_artist: str | None = None
    kind: str | None = None
    """Audio, Video …, as the sender says."""
    duration_ms: int | None = None
    """Milliseconds."""
    parental_warning: str | None = None
    popularity: float | None = None
    """0 to 1."""
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrackAdded(TrackState):
    """A track stands on a release."""


@dataclass(frozen=True, kw_only=True)
class TrackUpdated(TrackState):
    """A track changed."""


@dataclass(frozen=True, kw_only=True)
class TrackRemoved(TrackState):
    """A track is gone."""

    EFFECT: ClassVar[Effect] = Effect.REMOVAL

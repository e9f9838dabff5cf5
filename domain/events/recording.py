"""Recordings: sound recordings and videos, what an ISRC identifies (ISO 3901)."""

from dataclasses import dataclass
from typing import ClassVar

from domain.events.event import Effect, Event


@dataclass(frozen=True, kw_only=True)
class RecordingState(Event):
    """What a recording is, as the master catalog says it."""

    SUBJECT: ClassVar[str] = "recording"

    licensor_id: str | None = None
    artist_id: str | None = None
    kind: str | None = None
    """sound or video."""
    title: str | None = None
    version_title: str | None = None
    display_artist: str | None = None
    duration_ms: int | None = None
    """Milliseconds."""
    parental_warning: str | None = None
    language: str | None = None
    """ISO 639 code of the performance."""
    pline: str | None = None


@dataclass(frozen=True, kw_only=True)
class RecordingAdded(RecordingState):
    """A recording is known."""


@dataclass(frozen=True, kw_only=True)
class RecordingUpdated(RecordingState):
    """A recording changed."""


@dataclass(frozen=True, kw_only=True)
class RecordingRemoved(RecordingState):
    """A recording is gone."""

    EFFECT: ClassVar[Effect] = Effect.REMOVAL

"""Releases: albums, singles, bundles."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from domain.events.event import Effect, Event


@dataclass(frozen=True, kw_only=True)
class ReleaseState(Event):
    """What a release is, as the master catalog says it."""

    SUBJECT: ClassVar[str] = "release"

    licensor_id: str | None = None
    label_id: str | None = None
    artist_id: str | None = None
    release_type: str | None = None
    """As the sender says: Album, Single, EP …"""
    title: str | None = None
    version_title: str | None = None
    """"Explicit Version", "Deluxe" …"""
    display_artist: str | None = None
    release_year: int | None = None
    original_release_date: date | None = None
    added_at: datetime | None = None
    """When the sender first listed it."""
    parental_warning: str | None = None
    """Explicit, NotExplicit, NoAdviceAvailable … (AVS ParentalWarningType)."""
    pline: str | None = None
    cline: str | None = None
    duration_ms: int | None = None
    """Milliseconds."""
    track_count: int | None = None
    tags: list[str] | None = None
    """Genres and tags, in the order given."""
    image_url: str | None = None
    url: str | None = None
    status: str | None = None
    """active, taken_down or purged."""


@dataclass(frozen=True, kw_only=True)
class ReleaseAdded(ReleaseState):
    """A release entered the catalog."""


@dataclass(frozen=True, kw_only=True)
class ReleaseUpdated(ReleaseState):
    """A release changed."""


@dataclass(frozen=True, kw_only=True)
class ReleaseTakenDown(ReleaseState):
    """A release stays known but is offered nowhere (status taken_down)."""


@dataclass(frozen=True, kw_only=True)
class ReleasePurged(ReleaseState):
    """A release is gone: purged by its sender or deleted."""

    EFFECT: ClassVar[Effect] = Effect.REMOVAL

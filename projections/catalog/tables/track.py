"""Tracks: the places of recordings on releases."""

import sqlalchemy as sa
from sqlmodel import Field

from domain.events.track import TrackAdded, TrackRemoved, TrackUpdated
from projections.catalog.tables.row import CatalogRow
from projections.read_model import Projection
from projections.read_table import ID, TEXT, handlers


class Track(CatalogRow, table=True):
    """A track; reached from its release, and from its recording (which carries the ISRC)."""

    __table_args__ = (
        sa.Index("track_release", "release_id"),
        sa.Index("track_recording", "recording_id"),
    )

    release_id: str | None = Field(default=None, sa_type=ID)
    """May name a release that the catalog does not hold."""
    recording_id: str | None = Field(default=None, sa_type=ID)
    artist_id: str | None = Field(default=None, sa_type=ID)
    disc_number: int | None = Field(default=None, sa_type=sa.Integer)
    track_number: int | None = Field(default=None, sa_type=sa.Integer)
    title: str | None = Field(default=None, sa_type=TEXT)
    version_title: str | None = Field(default=None, sa_type=TEXT)
    display_artist: str | None = Field(default=None, sa_type=TEXT)
    kind: str | None = Field(default=None, sa_type=TEXT)
    duration_ms: int | None = Field(default=None, sa_type=sa.Integer)
    parental_warning: str | None = Field(default=None, sa_type=TEXT)
    popularity: float | None = Field(default=None, sa_type=sa.Double)
    url: str | None = Field(default=None, sa_type=TEXT)


TRACK = Projection("track", Track, handlers(Track, TrackAdded, TrackUpdated, TrackRemoved))

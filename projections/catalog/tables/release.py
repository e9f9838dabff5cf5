"""Releases: albums, singles, bundles."""

from datetime import date, datetime
from typing import ClassVar

import polars as pl
import sqlalchemy as sa
from sqlmodel import Field

from domain.events.release import ReleaseAdded, ReleasePurged, ReleaseTakenDown, ReleaseUpdated
from projections.catalog.tables.row import CatalogRow
from projections.read_model import Projection
from projections.read_table import ID, INSTANT, TEXT, TEXTS, handlers


class Release(CatalogRow, table=True):
    """A release; one that was taken down stays known, by its status.

    The indexes give the first releases of a label, licensor or artist without sorting them all,
    and releases in the order of the log; words of titles and artists are found by trigrams.
    """

    EXPRESSIONS: ClassVar[dict[str, pl.Expr]] = {
        "updated_at": pl.col("origin").struct.field("committed_at")
    }

    __table_args__ = (
        sa.Index("release_label", "label_id", "id"),
        sa.Index("release_licensor", "licensor_id", "id"),
        sa.Index("release_artist", "artist_id", "id"),
        sa.Index("release_position", "event_partition", "event_offset"),
        sa.Index("release_label_position", "label_id", "event_partition", "event_offset"),
        sa.Index("release_updated", "event_partition", "updated_at", "event_offset"),
        sa.Index(
            "release_words",
            "title",
            "display_artist",
            postgresql_using="gin",
            postgresql_ops={"title": "gin_trgm_ops", "display_artist": "gin_trgm_ops"},
        ),
    )

    licensor_id: str | None = Field(default=None, sa_type=ID)
    label_id: str | None = Field(default=None, sa_type=ID)
    artist_id: str | None = Field(default=None, sa_type=ID)
    release_type: str | None = Field(default=None, sa_type=TEXT)
    title: str | None = Field(default=None, sa_type=TEXT)
    version_title: str | None = Field(default=None, sa_type=TEXT)
    display_artist: str | None = Field(default=None, sa_type=TEXT)
    release_year: int | None = Field(default=None, sa_type=sa.Integer)
    original_release_date: date | None = Field(default=None, sa_type=sa.Date)
    added_at: datetime | None = Field(default=None, sa_type=INSTANT)
    parental_warning: str | None = Field(default=None, sa_type=TEXT)
    pline: str | None = Field(default=None, sa_type=TEXT)
    cline: str | None = Field(default=None, sa_type=TEXT)
    duration_ms: int | None = Field(default=None, sa_type=sa.Integer)
    track_count: int | None = Field(default=None, sa_type=sa.Integer)
    tags: list[str] | None = Field(default=None, sa_type=TEXTS)
    image_url: str | None = Field(default=None, sa_type=TEXT)
    url: str | None = Field(default=None, sa_type=TEXT)
    status: str | None = Field(default=None, sa_type=ID)
    updated_at: datetime | None = Field(default=None, sa_type=INSTANT)
    """When the master committed the release's last change."""


RELEASE = Projection(
    "release",
    Release,
    handlers(Release, ReleaseAdded, ReleaseUpdated, ReleaseTakenDown, ReleasePurged),
)

"""Releases that can be had, each with the day on which it came out."""

from datetime import date
from typing import ClassVar

import polars as pl
import sqlalchemy as sa
from sqlmodel import Field

from domain.events.release import ReleaseAdded, ReleasePurged, ReleaseTakenDown, ReleaseUpdated
from projections.new_releases.row import NewReleasesRow
from projections.read_model import Projection
from projections.read_table import ID, TEXT, handlers, removals


class Release(NewReleasesRow, table=True):
    """A release of a label; gone while it is taken down, for nobody can have it then."""

    EXPRESSIONS: ClassVar[dict[str, pl.Expr]] = {
        "day": pl.coalesce(
            pl.col("original_release_date"),
            pl.col("added_at").dt.convert_time_zone("UTC").dt.date(),
        )
    }
    __table_args__ = (
        # The newest days of all labels, and of one, without counting through the others.
        sa.Index("release_day", "day", "label_id"),
        sa.Index("release_label_day", "label_id", "day"),
    )

    label_id: str | None = Field(default=None, sa_type=ID)
    day: date | None = Field(default=None, sa_type=sa.Date)
    """When it first came out; else, where its sender doesn't say, when it was first listed (UTC).
    Unknown where neither is given."""
    title: str | None = Field(default=None, sa_type=TEXT)
    display_artist: str | None = Field(default=None, sa_type=TEXT)
    release_type: str | None = Field(default=None, sa_type=TEXT)


RELEASE = Projection(
    "release",
    Release,
    handlers(Release, ReleaseAdded, ReleaseUpdated)
    | removals(Release, ReleaseTakenDown, ReleasePurged),
)

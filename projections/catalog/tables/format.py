"""Formats: the technical forms in which tracks and releases can be had."""

import sqlalchemy as sa
from sqlmodel import Field

from domain.events.format import FormatAdded, FormatChanged, FormatRemoved
from projections.catalog.tables.row import CatalogRow
from projections.read_model import Projection
from projections.read_table import ID, TEXT, handlers


class Format(CatalogRow, table=True):
    """A form of a track (`track_id` set) or of a whole release."""

    __table_args__ = (
        sa.Index("format_release", "release_id", "track_id"),
        sa.Index("format_track", "track_id", postgresql_where=sa.text("track_id IS NOT NULL")),
    )

    release_id: str | None = Field(default=None, sa_type=ID)
    track_id: str | None = Field(default=None, sa_type=ID)
    code: str | None = Field(default=None, sa_type=TEXT)
    namespace: str | None = Field(default=None, sa_type=TEXT)
    codec: str | None = Field(default=None, sa_type=TEXT)
    bitrate: int | None = Field(default=None, sa_type=sa.Integer)
    sample_rate: int | None = Field(default=None, sa_type=sa.Integer)
    bit_depth: int | None = Field(default=None, sa_type=sa.Integer)
    channels: int | None = Field(default=None, sa_type=sa.Integer)


FORMAT = Projection("format", Format, handlers(Format, FormatAdded, FormatChanged, FormatRemoved))

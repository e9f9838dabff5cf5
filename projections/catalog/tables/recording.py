"""Recordings: sound recordings and videos, what an ISRC stands on."""

import sqlalchemy as sa
from sqlmodel import Field

from domain.events.recording import RecordingAdded, RecordingRemoved, RecordingUpdated
from projections.catalog.tables.row import CatalogRow
from projections.read_model import Projection
from projections.read_table import ID, TEXT, handlers


class Recording(CatalogRow, table=True):
    """A sound recording or video."""

    licensor_id: str | None = Field(default=None, sa_type=ID)
    artist_id: str | None = Field(default=None, sa_type=ID)
    kind: str | None = Field(default=None, sa_type=TEXT)
    title: str | None = Field(default=None, sa_type=TEXT)
    version_title: str | None = Field(default=None, sa_type=TEXT)
    display_artist: str | None = Field(default=None, sa_type=TEXT)
    duration_ms: int | None = Field(default=None, sa_type=sa.Integer)
    parental_warning: str | None = Field(default=None, sa_type=TEXT)
    language: str | None = Field(default=None, sa_type=TEXT)
    pline: str | None = Field(default=None, sa_type=TEXT)


RECORDING = Projection(
    "recording", Recording, handlers(Recording, RecordingAdded, RecordingUpdated, RecordingRemoved)
)

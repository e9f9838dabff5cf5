"""Artists as they appear on releases and tracks."""

from sqlmodel import Field

from domain.events.artist import ArtistAdded, ArtistRemoved, ArtistUpdated
from projections.catalog.tables.row import CatalogRow
from projections.read_model import Projection
from projections.read_table import ID, TEXT, handlers


class Artist(CatalogRow, table=True):
    """An artist under the name by which it is known."""

    party_id: str | None = Field(default=None, sa_type=ID)
    display_name: str | None = Field(default=None, sa_type=TEXT)
    sort_name: str | None = Field(default=None, sa_type=TEXT)


ARTIST = Projection("artist", Artist, handlers(Artist, ArtistAdded, ArtistUpdated, ArtistRemoved))

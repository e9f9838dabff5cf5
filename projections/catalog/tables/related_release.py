"""Related releases: the numbers of other releases that a release names."""

import sqlalchemy as sa
from sqlmodel import Field

from domain.events.related_release import (
    RelatedReleaseAdded,
    RelatedReleaseRemoved,
    RelatedReleaseUpdated,
)
from projections.catalog.tables.row import CatalogRow
from projections.read_model import Projection
from projections.read_table import ID, TEXT, handlers


class RelatedRelease(CatalogRow, table=True):
    """A relation; found from its release, and by the number that it names."""

    __tablename__ = "related_release"
    __table_args__ = (
        sa.Index("related_release_release", "release_id", "id"),
        sa.Index("related_release_value", "value", "scheme"),
    )

    release_id: str | None = Field(default=None, sa_type=ID)
    relation: str | None = Field(default=None, sa_type=TEXT)
    scheme: str | None = Field(default=None, sa_type=ID)
    namespace: str | None = Field(default=None, sa_type=ID)
    value: str | None = Field(default=None, sa_type=ID)


RELATED_RELEASE = Projection(
    "related_release",
    RelatedRelease,
    handlers(RelatedRelease, RelatedReleaseAdded, RelatedReleaseUpdated, RelatedReleaseRemoved),
)

"""Contributors: who had which part in a release or recording."""

import sqlalchemy as sa
from sqlmodel import Field

from domain.events.contributor import ContributorAdded, ContributorRemoved, ContributorUpdated
from projections.catalog.tables.row import CatalogRow
from projections.read_model import Projection
from projections.read_table import ID, TEXT, handlers


class Contributor(CatalogRow, table=True):
    """A part; found from its release or recording, and from the party."""

    __table_args__ = (
        sa.Index("contributor_owner", "owner_id", "owner_type"),
        sa.Index("contributor_party", "party_id"),
    )

    owner_type: str | None = Field(default=None, sa_type=ID)
    owner_id: str | None = Field(default=None, sa_type=ID)
    party_id: str | None = Field(default=None, sa_type=ID)
    role: str | None = Field(default=None, sa_type=TEXT)
    sequence: int | None = Field(default=None, sa_type=sa.Integer)


CONTRIBUTOR = Projection(
    "contributor",
    Contributor,
    handlers(Contributor, ContributorAdded, ContributorUpdated, ContributorRemoved),
)

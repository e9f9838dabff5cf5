"""Licensors: from whom rights to releases come."""

import sqlalchemy as sa
from sqlmodel import Field

from domain.events.licensor import LicensorAdded, LicensorRemoved, LicensorUpdated
from projections.catalog.tables.row import CatalogRow
from projections.read_model import Projection
from projections.read_table import ID, handlers


class Licensor(CatalogRow, table=True):
    """A party in its role as a source of releases."""

    __table_args__ = (sa.Index("licensor_party", "party_id"),)

    party_id: str | None = Field(default=None, sa_type=ID)


LICENSOR = Projection(
    "licensor", Licensor, handlers(Licensor, LicensorAdded, LicensorUpdated, LicensorRemoved)
)

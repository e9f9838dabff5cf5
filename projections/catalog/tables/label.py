"""Labels: the names under which licensors release."""

import sqlalchemy as sa
from sqlmodel import Field

from domain.events.label import LabelAdded, LabelRemoved, LabelUpdated
from projections.catalog.tables.row import CatalogRow
from projections.read_model import Projection
from projections.read_table import ID, TEXT, handlers


class Label(CatalogRow, table=True):
    """A label of a licensor; indexed both ways that a party's labels are reached."""

    __table_args__ = (
        sa.Index("label_licensor", "licensor_id", "id"),
        sa.Index("label_party", "party_id", "id"),
    )

    licensor_id: str | None = Field(default=None, sa_type=ID)
    party_id: str | None = Field(default=None, sa_type=ID)
    name: str | None = Field(default=None, sa_type=TEXT)


LABEL = Projection("label", Label, handlers(Label, LabelAdded, LabelUpdated, LabelRemoved))

"""Parties, found by their DDEX Party Id."""

from sqlmodel import Field

from domain.events.party import PartyAdded, PartyRemoved, PartyUpdated
from projections.catalog.tables.row import CatalogRow
from projections.read_model import Projection
from projections.read_table import ID, TEXT, handlers


class Party(CatalogRow, table=True):
    """A person or company as DDEX names it."""

    name: str | None = Field(default=None, sa_type=TEXT)
    dpid: str | None = Field(default=None, sa_type=ID)
    isni: str | None = Field(default=None, sa_type=ID)


PARTY = Projection("party", Party, handlers(Party, PartyAdded, PartyUpdated, PartyRemoved))

"""Identifiers: the industry's numbers and what they stand on. Never unique."""

import sqlalchemy as sa
from sqlmodel import Field

from domain.events.identifier import IdentifierAssigned, IdentifierChanged, IdentifierRevoked
from projections.catalog.tables.row import CatalogRow
from projections.read_model import Projection
from projections.read_table import ID, TEXT, handlers


class Identifier(CatalogRow, table=True):
    """A number on a party, release, recording or track; the way of every lookup.

    Invalid values can also be reached as they were written, since the rules by which their key was
    made may have changed since. That index hashes: senders' raw values may be of any length.
    """

    __table_args__ = (
        sa.Index("identifier_value", "value", "scheme"),
        sa.Index("identifier_owner", "owner_id", "owner_type"),
        sa.Index(
            "identifier_flawed",
            "value_raw",
            postgresql_using="hash",
            postgresql_where=sa.text("NOT is_valid"),
        ),
    )

    owner_type: str | None = Field(default=None, sa_type=ID)
    owner_id: str | None = Field(default=None, sa_type=ID)
    scheme: str | None = Field(default=None, sa_type=ID)
    namespace: str | None = Field(default=None, sa_type=ID)
    value_raw: str | None = Field(default=None, sa_type=ID)
    value: str | None = Field(default=None, sa_type=ID)
    is_valid: bool | None = Field(default=None, sa_type=sa.Boolean)
    flaw: str | None = Field(default=None, sa_type=TEXT)


IDENTIFIER = Projection(
    "identifier",
    Identifier,
    handlers(Identifier, IdentifierAssigned, IdentifierChanged, IdentifierRevoked),
)

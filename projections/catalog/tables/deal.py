"""What download offers and streaming rights have in common: the terms of one deal.

The two are tables of their own, since they are asked for apart and one is far larger.
"""

from datetime import datetime
from typing import Any, ClassVar

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from projections.catalog.tables.row import CatalogRow
from projections.read_table import ID, INSTANT, TEXT, TEXTS


def prices_as_json(prices: pl.Expr) -> pl.Expr:
    """Prices (a list of structs) as the text of a JSON list of objects, without empty fields.

    Amounts become strings with two to six decimals, so that no reader makes floats of them.
    """
    price = pl.element()
    amount = price.struct.field("amount").cast(pl.String).str.replace(r"(\.\d\d\d*?)0+$", "${1}")
    objects = (
        pl.when(price.is_not_null())
        .then(price.struct.with_fields(amount.alias("amount")))
        .struct.json_encode()
        # A quote inside a value is escaped, so only names of fields match these.
        .str.replace_all(r',"[a-z_]+":null', "")
        .str.replace(r'\{"[a-z_]+":null,?', "{")
    )
    return "[" + prices.list.eval(objects).list.join(",") + "]"


class DealTerms(CatalogRow):
    """Columns of a deal, as `domain.events.download` and `.streaming` describe them."""

    EXPRESSIONS: ClassVar[dict[str, pl.Expr]] = {"prices": prices_as_json(pl.col("prices"))}

    release_id: str | None = Field(default=None, sa_type=ID)
    track_id: str | None = Field(default=None, sa_type=ID)
    commercial_model: str | None = Field(default=None, sa_type=ID)
    use_type: str | None = Field(default=None, sa_type=ID)
    valid_from: datetime | None = Field(default=None, sa_type=INSTANT)
    valid_to: datetime | None = Field(default=None, sa_type=INSTANT)
    is_preorder: bool | None = Field(default=None, sa_type=sa.Boolean)
    display_from: datetime | None = Field(default=None, sa_type=INSTANT)
    preview_from: datetime | None = Field(default=None, sa_type=INSTANT)
    territories: list[str] | None = Field(default=None, sa_type=TEXTS)
    excluded_territories: list[str] | None = Field(default=None, sa_type=TEXTS)
    prices: list[dict[str, str]] | None = Field(default=None, sa_type=JSONB)
    is_takedown: bool | None = Field(default=None, sa_type=sa.Boolean)
    local_from: str | None = Field(default=None, sa_type=TEXT)
    local_to: str | None = Field(default=None, sa_type=TEXT)
    channels: list[str] | None = Field(default=None, sa_type=TEXTS)


def deal_indexes(table: str) -> tuple[Any, ...]:
    """Ways to a deal: its release (also to those for all of it), and its track if it has one."""
    return (
        sa.Index(f"{table}_release", "release_id", "track_id"),
        sa.Index(f"{table}_track", "track_id", postgresql_where=sa.text("track_id IS NOT NULL")),
    )

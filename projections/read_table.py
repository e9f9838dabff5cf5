"""What every row of a read model has, and how events become rows.

An event carries the whole state of its row, so a handler is a selection of columns. Ids and what
refers to them are compared and sorted by bytes (COLLATE "C"): they are never shown in an order
that a language has, and indexes over them are smaller work.
"""

from typing import Any, ClassVar

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from domain.events import Effect, Event
from projections.read_model import REMOVED, Handler, Selection

ID: Any = sa.Text(collation="C")
"""SQL type of ids, of what refers to them, and of codes."""
TEXT: Any = sa.Text()
TEXTS: Any = ARRAY(sa.Text)
INSTANT: Any = sa.DateTime(timezone=True)


class ReadRow(SQLModel):
    """What all read tables have: a row's id and the event that last wrote it.

    A read model makes its own base of it, with a registry of its own (`class CatalogRow(ReadRow,
    registry=registry())`): its tables are then apart from those of other models.
    """

    EXPRESSIONS: ClassVar[dict[str, pl.Expr]] = {}
    """Column → how it is made, where it is not the event's field of the same name."""

    id: str = Field(primary_key=True, sa_type=ID)
    event_id: str = Field(sa_type=ID)
    """`<source topic>/<partition>/<offset>/<index>`."""
    event_partition: int = Field(sa_type=sa.Integer)
    """Partition of `catalog.<subject>`."""
    event_offset: int = Field(sa_type=sa.BigInteger)
    """Offset in that partition: grows with each event of the row."""


def handlers(table: type[ReadRow], *events: type[Event]) -> dict[str, Handler]:
    """One handler for each event type: it makes rows of `table`, or says that they are gone."""
    return {one.__name__: _handler(table, one.EFFECT is Effect.REMOVAL) for one in events}


def removals(table: type[ReadRow], *events: type[Event]) -> dict[str, Handler]:
    """As `handlers`, for a table that has no row of what these events speak of."""
    return {one.__name__: _handler(table, True) for one in events}


def _handler(table: type[ReadRow], is_gone: bool) -> Handler:
    # `repeat` over the height, since a select of literals alone would be one row high.
    removed = pl.repeat(is_gone, pl.len(), dtype=pl.Boolean).alias(REMOVED)
    return Selection((*_expressions(table), removed))


def _expressions(table: type[ReadRow]) -> tuple[pl.Expr, ...]:
    made = {"event_partition": pl.col("_partition"), "event_offset": pl.col("_offset")}
    made |= table.EXPRESSIONS
    columns: sa.Table = table.__table__  # type: ignore[attr-defined]
    return tuple(
        made.get(column.name, pl.col(column.name)).alias(column.name) for column in columns.columns
    )

"""Brings a handler's frame into the exact shape of its table.

COPY BINARY has no casts: a column of another width or order would be refused or, worse, misread.
So every frame passes here before it goes to a store.
"""

from functools import cache

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from projections.read_model import REMOVED, Projection

UTC_MICROSECONDS = pl.Datetime("us", "UTC")


class FrameDoesNotFit(Exception):
    """A handler returned other columns than its table has."""


def polars_type(column: sa.Column[object]) -> pl.DataType:
    """The polars type in which a column is handed to a store. JSONB travels as JSON text.

    Raises FrameDoesNotFit for a SQL type that no read table may use yet.
    """
    return _of_sql_type(column.type, str(column))


def _of_sql_type(kind: sa.types.TypeEngine[object], name: str) -> pl.DataType:  # noqa: PLR0911
    match kind:
        case JSONB():
            return pl.String()
        case sa.ARRAY():
            return pl.List(_of_sql_type(kind.item_type, name))
        case sa.BigInteger():
            return pl.Int64()
        case sa.SmallInteger():
            return pl.Int16()
        case sa.Integer():
            return pl.Int32()
        case sa.Float():
            return pl.Float64()
        case sa.Boolean():
            return pl.Boolean()
        case sa.Date():
            return pl.Date()
        case sa.DateTime(timezone=True):
            return UTC_MICROSECONDS
        case sa.String():
            return pl.String()
        case _:
            raise FrameDoesNotFit(
                f"{name}: SQL type {kind!r} has no column form; add it to {__name__}"
            )


def schema_of(projection: Projection) -> pl.Schema:
    """Columns that a store gets for this table: the table's own, in order, and `_removed`."""
    return _schema_of(projection.sql)


@cache
def _schema_of(table: sa.Table) -> pl.Schema:
    columns = {column.name: polars_type(column) for column in table.columns}
    return pl.Schema({**columns, REMOVED: pl.Boolean()})


def conform(frame: pl.DataFrame, schema: pl.Schema, source: str) -> pl.DataFrame:
    """Select and cast to `schema`; values that do not fit their column raise.

    `source` names the handler in the error: FrameDoesNotFit for a missing or unknown column,
    polars' InvalidOperationError for a value.
    """
    if frame.schema == schema:
        return frame
    missing = [name for name in schema if name not in frame.columns]
    unknown = [name for name in frame.columns if name not in schema]
    if missing or unknown:
        raise FrameDoesNotFit(f"{source}: columns missing {missing}, unknown {unknown}")
    return frame.select(pl.col(name).cast(kind, strict=True) for name, kind in schema.items())

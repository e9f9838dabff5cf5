"""The one map from a table's SQL types to the types of the columns that a store gets.

COPY BINARY has no casts, so these are the types in which values go to the database.
"""

from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

UTC_MICROSECONDS = pl.Datetime("us", "UTC")


class UnknownColumnType(TypeError):
    """A read table has a column of a SQL type that has no column form yet."""


def column_type(kind: sa.types.TypeEngine[Any], name: str) -> pl.DataType:  # noqa: PLR0911
    """The column's type for a SQL type; JSONB travels as its text. `name` is for the error.

    Raises UnknownColumnType.
    """
    match kind:
        case JSONB():
            return pl.String()
        case sa.ARRAY():
            return pl.List(column_type(kind.item_type, name))
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
        case sa.LargeBinary():
            return pl.Binary()
        case _:
            raise UnknownColumnType(
                f"{name}: SQL type {kind!r} has no column form; add it to {__name__}"
            )

"""Brings a handler's frame into the exact shape of its table.

COPY BINARY has no casts: a column of another width or order would be refused or, worse, misread.
So every frame passes here before it goes to a store, and here alone its types are decided.
"""

from functools import cache

import polars as pl
import sqlalchemy as sa

from projections.column_types import column_type
from projections.read_model import REMOVED, Projection


class FrameDoesNotFit(Exception):
    """A handler returned other columns than its table has."""


def schema_of(projection: Projection) -> pl.Schema:
    """Columns that a store gets for this table: the table's own, in order, and `_removed`."""
    return _schema_of(projection.sql)


@cache
def _schema_of(table: sa.Table) -> pl.Schema:
    columns = {column.name: column_type(column.type, str(column)) for column in table.columns}
    return pl.Schema({**columns, REMOVED: pl.Boolean()})


def conform(frame: pl.DataFrame, schema: pl.Schema, source: str) -> pl.DataFrame:
    """Select and cast to `schema`; values that do not fit their column raise.

    `source` names the handler in the error: FrameDoesNotFit for a missing or unknown column,
    polars' InvalidOperationError for a value.
    """
    have = frame.schema
    if have == schema:
        return frame
    if list(have) == list(schema):  # most columns are what they should be: leave them alone
        wrong = [(name, kind) for name, kind in schema.items() if have[name] != kind]
        return frame.with_columns(pl.col(name).cast(kind, strict=True) for name, kind in wrong)
    missing = [name for name in schema if name not in frame.columns]
    unknown = [name for name in frame.columns if name not in schema]
    if missing or unknown:
        raise FrameDoesNotFit(f"{source}: columns missing {missing}, unknown {unknown}")
    return frame.select(pl.col(name).cast(kind, strict=True) for name, kind in schema.items())

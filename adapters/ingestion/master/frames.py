"""Rows of a master table as the columns that the writer takes."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from adapters.ingestion.master.tables import METADATA

_ROWS_AT_ONCE = 1000
"""A row of a deal for all territories takes some 4 kB as a frame and as CSV."""


def frames_of(table: str, rows: Iterable[dict[str, object]]) -> Iterator[pl.DataFrame]:
    """Rows in frames of at most a thousand, each made when it is asked for."""
    left = iter(rows)
    while some := list(islice(left, _ROWS_AT_ONCE)):
        yield frame_of(table, some)


def frame_of(table: str, rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    """Rows (`id` and state columns; absent ones are null) in the types of their table."""
    columns = {c.name: c.type for c in METADATA.tables[table].columns}
    named = list(dict.fromkeys(name for row in rows for name in row))
    return pl.DataFrame(
        {name: [_plain(columns[name], row.get(name)) for row in rows] for name in named},
        schema={name: _type(columns[name]) for name in named},
        strict=True,
    )


def _plain(kind: sa.types.TypeEngine[Any], value: object) -> object:
    return json.dumps(value) if isinstance(kind, JSONB) and value is not None else value


_TYPES: tuple[tuple[type[sa.types.TypeEngine[Any]], pl.DataType], ...] = (
    (ARRAY, pl.List(pl.String)),
    (sa.DateTime, pl.Datetime("us", "UTC")),
    (sa.Date, pl.Date()),
    (sa.Integer, pl.Int64()),
    (sa.Float, pl.Float64()),
    (sa.Boolean, pl.Boolean()),
)


def _type(kind: sa.types.TypeEngine[Any]) -> pl.DataType:
    """Text for everything else: JSON is sent as text."""
    return next((ours for theirs, ours in _TYPES if isinstance(kind, theirs)), pl.String())

"""What a read model may declare."""

from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field

from domain.events.track import TrackAdded
from projections.catalog.tables.track import TRACK, Track
from projections.column_types import UnknownColumnType, column_type
from projections.engine.columns import schema_of
from projections.read_model import Projection, ReadModel
from projections.read_table import ReadRow, handlers


def own_rows() -> type[ReadRow]:
    """A base for tables that are apart from those of all others."""

    class Rows(ReadRow, registry=registry()):
        pass

    return Rows


def test_two_tables_of_one_topic_are_refused_where_they_are_declared() -> None:
    class Summary(own_rows(), table=True):  # type: ignore[misc, call-arg]
        pass

    second = Projection("track", Summary, handlers(Summary, TrackAdded))
    with pytest.raises(ValueError, match=r"topic catalog\.track twice"):
        ReadModel("m", "m", "m", (TRACK, second))


def test_two_topics_into_one_table_are_refused() -> None:
    with pytest.raises(ValueError, match="table track twice"):
        ReadModel("m", "m", "m", (TRACK, Projection("label", Track, {})))


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (sa.SmallInteger(), pl.Int16()),
        (ARRAY(sa.Integer), pl.List(pl.Int32())),
        (sa.LargeBinary(), pl.Binary()),
        (JSONB(), pl.String()),
        (sa.DateTime(timezone=True), pl.Datetime("us", "UTC")),
    ],
)
def test_a_column_has_one_type_everywhere(kind: Any, column: pl.DataType) -> None:
    class Odd(own_rows(), table=True):  # type: ignore[misc, call-arg]
        extra: Any = Field(sa_type=kind)

    assert column_type(kind, "extra") == column
    assert schema_of(Projection("track", Odd, {}))["extra"] == column


@pytest.mark.parametrize("kind", [sa.Numeric(18, 6), sa.DateTime()])
def test_a_type_without_a_column_form_is_named_where_it_is_declared(kind: Any) -> None:
    class Odd(own_rows(), table=True):  # type: ignore[misc, call-arg]
        extra: Any = Field(sa_type=kind)

    with pytest.raises(UnknownColumnType, match=r"odd\.extra"):
        Projection("track", Odd, handlers(Odd, TrackAdded))

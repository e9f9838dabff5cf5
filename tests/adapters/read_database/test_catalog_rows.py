"""Every kind of value goes from an event's columns into its read table as binary rows."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import psycopg
import pytest

from adapters.read_database.rows import TableStatements, copy_frames
from domain.events import EVENT_TYPES
from migrations import run
from projections.catalog import CATALOG
from projections.engine.columns import conform, schema_of
from projections.read_model import REMOVED, Projection
from tests.projections.catalog.test_handlers import frame

pytestmark = pytest.mark.integration
SAMPLES: dict[type, Any] = {
    pl.String: "Où 🎧",
    pl.Int64: 7,
    pl.Int32: 7,
    pl.Float64: 0.25,
    pl.Boolean: True,
    pl.Date: date(2026, 5, 1),
    pl.Datetime: datetime(2026, 5, 1, 12, 0, 0, 1, tzinfo=UTC),
}
PRICES = [{"amount": Decimal("7.99"), "currency": "EUR"}, {"code": "A"}]


def sample(column: str, dtype: pl.DataType) -> Any:
    if column == "prices":
        return PRICES
    if isinstance(dtype, pl.List):
        return ["a", "b,c"]
    return SAMPLES[type(dtype)]


@pytest.mark.parametrize("projection", CATALOG.projections, ids=lambda p: str(p.subject))
def test_full_and_empty_rows_arrive(database: str, projection: Projection) -> None:
    run.upgrade(database, "read_catalog", "catalog")
    name, handler = next(iter(projection.handlers.items()))
    (event,) = (e for e in EVENT_TYPES if e.__name__ == name)
    state = {
        column: sample(column, dtype)
        for column, dtype in frame(event, []).schema.items()
        if column not in ("event_id", "origin", "changed", "id") and not column.startswith("_")
    }
    made = handler(frame(event, [{"id": "full"} | state, {"id": "empty"}]))
    rows = conform(made, schema_of(projection), name)
    columns = [column.name for column in projection.sql.columns]
    statements = TableStatements.of(projection, "catalog", columns)
    with psycopg.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(statements.create_staging)
        sent = (*statements.columns, REMOVED)
        copy_frames(cursor, statements.copy_to_staging, [rows], sent, statements.json)
        cursor.execute(statements.merge)
        stored = {
            row["id"]: row
            for row in connection.cursor(row_factory=psycopg.rows.dict_row).execute(
                f"SELECT * FROM catalog.{projection.sql.name}"
            )
        }
    expected = dict(state)
    if "prices" in state:
        expected["prices"] = [{"amount": "7.99", "currency": "EUR"}, {"code": "A"}]
    assert {column: stored["full"][column] for column in state} == expected
    assert all(stored["empty"][column] is None for column in state)
    assert (stored["empty"]["event_partition"], stored["empty"]["event_offset"]) == (2, 1)

"""The columnar encoder writes what Avro's own library writes."""

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import fastavro
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.synthetic.avro import encode
from adapters.synthetic.catalog import SyntheticCatalog, chunks
from adapters.synthetic.events import Numbering, events_of
from domain.schemas import contract_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "E",
    "fields": [
        {"name": "id", "type": "string"},
        {
            "name": "origin",
            "type": {
                "type": "record",
                "name": "O",
                "fields": [{"name": "message", "type": ["null", "string"]}],
            },
        },
        {"name": "names", "type": ["null", {"type": "array", "items": "string"}]},
        {"name": "count", "type": ["null", "long"]},
        {"name": "share", "type": ["null", "double"]},
        {"name": "is_right", "type": ["null", "boolean"]},
        {"name": "at", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
        {
            "name": "amount",
            "type": [
                "null",
                {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 6},
            ],
        },
    ],
}
ROW = st.fixed_dictionaries(
    {
        "id": TEXT,
        "origin": st.fixed_dictionaries({"message": st.none() | TEXT}),
        "names": st.none() | st.lists(TEXT, max_size=3),
        "count": st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
        "share": st.none() | st.floats(allow_nan=False),
        "is_right": st.none() | st.booleans(),
        "at": st.none()
        | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
        "amount": st.none() | st.decimals(-(10**9), 10**9, places=6).map(Decimal),
    }
)
FRAME = pl.Schema(
    {
        "id": pl.String(),
        "origin": pl.Struct({"message": pl.String}),
        "names": pl.List(pl.String),
        "count": pl.Int64(),
        "share": pl.Float64(),
        "is_right": pl.Boolean(),
        "at": pl.Datetime("us", "UTC"),
        "amount": pl.Decimal(18, 6),
    }
)


def by_fastavro(row: dict[str, Any], schema: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, row)
    return out.getvalue()


def read_whole(record: bytes, schema: Any) -> object:
    """What fastavro reads; nothing may be left over."""
    source = io.BytesIO(record)
    read = fastavro.schemaless_reader(source, schema, None)
    assert source.read() == b""
    return read


@given(st.lists(ROW, min_size=1, max_size=8))
def test_any_row_reads_as_what_fastavro_writes(rows: list[dict[str, Any]]) -> None:
    # Not byte by byte: fastavro spends a byte too many on decimals such as -128 units.
    schema = fastavro.parse_schema(SCHEMA)
    written = encode(pl.DataFrame(rows, schema=FRAME), SCHEMA, b"head")
    assert all(record.startswith(b"head") for record in written)
    assert [read_whole(record.removeprefix(b"head"), schema) for record in written] == [
        read_whole(by_fastavro(row, schema), schema) for row in rows
    ]


def test_every_kind_of_synthetic_event_is_written_as_fastavro_writes_it() -> None:
    numbering = Numbering()
    (batches,) = chunks(SyntheticCatalog(200, seed=3, updates=0.5))
    for batch in batches:
        event_type, frame = events_of(batch, 3, numbering)
        schema = fastavro.parse_schema(json.loads(contract_of(event_type).newest.text))
        written = encode(frame, contract_of(event_type).newest.schema, b"")
        assert written == [by_fastavro(row, schema) for row in frame.iter_rows(named=True)]


def test_a_value_that_does_not_fit_is_an_error() -> None:
    frame = pl.DataFrame({"id": ["x"], "count": [2.5]})
    schema = {
        "type": "record",
        "name": "E",
        "fields": [{"name": "id", "type": "string"}, {"name": "count", "type": "long"}],
    }
    with pytest.raises(TypeError):
        encode(frame, schema, b"")

"""Columns of one schema brought to another: Avro's resolution, where no event needs it yet too."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest

from adapters.event_log.avro.columns import column_type, frame_schema, resolved


def record(*fields: dict[str, Any], name: str = "R") -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def field(name: str, type_: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **more}


def brought(reader: dict[str, Any], rows: Sequence[Any]) -> list[dict[str, Any]]:
    frame = resolved(pl.DataFrame(rows), reader, frame_schema(reader))
    assert frame.schema == frame_schema(reader)
    return frame.rows(named=True)


def test_missing_fields_have_their_defaults() -> None:
    reader = record(
        field("id", "string"),
        field("count", "long", default=7),
        field("names", {"type": "array", "items": "string"}, default=[]),
        field("title", ["null", "string"], default=None),
    )
    assert brought(reader, [{"id": "a"}, {"id": "b", "gone": 1}]) == [
        {"id": key, "count": 7, "names": [], "title": None} for key in "ab"
    ]


def test_absent_record_stays_absent_when_its_fields_change() -> None:
    inner = record(field("b", "long"), field("c", "long", default=3), name="S")
    reader = record(field("a", ["null", inner], default=None))
    rows = [{"a": {"b": 1, "old": "x"}}, {"a": None}]
    assert brought(reader, rows) == [{"a": {"b": 1, "c": 3}}, {"a": None}]


def test_lists_of_records_change_inside() -> None:
    inner = record(field("c", ["null", "string"], default=None), field("b", "long"), name="S")
    reader = record(field("a", ["null", {"type": "array", "items": inner}], default=None))
    rows = [{"a": [{"b": 1}, {"b": 2}]}, {"a": []}, {"a": None}]
    assert brought(reader, rows) == [
        {"a": [{"c": None, "b": 1}, {"c": None, "b": 2}]},
        {"a": []},
        {"a": None},
    ]


def test_numbers_are_promoted() -> None:
    rows = [{"a": 1}]
    assert brought(record(field("a", "double")), rows) == [{"a": 1.0}]


def test_type_that_no_event_uses_is_named() -> None:
    with pytest.raises(NotImplementedError, match="map"):
        column_type({"type": "map", "values": "string"})

"""Debezium's records of any table."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.source.records import Captured, KnownTable, SourceReader
from adapters.source.replica import RowChange
from projections.ports.change_reader import NoPosition, Skip, Undecodable

TYPES = {
    "id": "bigint",
    "title": "text",
    "price": "numeric",
    "released": "date",
    "seen": "timestamp with time zone",
    "made": "timestamp without time zone",
    "live": "boolean",
    "doc": "jsonb",
    "raw": "bytea",
    "tags": "text[]",
    "uid": "uuid",
}
ROW: Mapping[str, Any] = {
    "id": 7,
    "title": "A",
    "price": "9.90",
    "released": "2026-01-02Z",
    "seen": "2026-01-02T03:04:05.000006Z",
    "made": "2026-01-02T03:04:05Z",
    "live": True,
    "doc": '{"a": 1.50}',
    "raw": "AAE=",
    "tags": ["x", "y"],
    "uid": "0e7b1a2c-0000-4000-8000-000000000000",
    "added_later": "nobody asked",
}
EXPECTED = {
    "id": 7,
    "title": "A",
    "price": Decimal("9.90"),
    "released": date(2026, 1, 2),
    "seen": datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
    "made": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "live": True,
    "doc": '{"a": 1.50}',
    "raw": b"\0\1",
    "tags": ["x", "y"],
    "uid": "0e7b1a2c-0000-4000-8000-000000000000",
}
SOURCE = {
    "connector": "postgresql",
    "ts_ms": 1795375422015,
    "table": "release",
    "sequence": '["100","200"]',
    "lsn": 200,
    "txId": 5,
}


def reader() -> SourceReader:
    return SourceReader({"release": KnownTable(("id",), TYPES)})


def record(op: str, after: object = None, before: object = None, **more: object) -> bytes:
    content = {"op": op, "before": before, "after": after, "source": SOURCE, **more}
    return json.dumps(content).encode()


def read(value: bytes | None) -> RowChange:
    found = reader().read("mb.public.release", 0, 3, None, value)
    assert isinstance(found, Captured)
    return found.change


@pytest.mark.parametrize("op", ["c", "u", "r"])
def test_a_row_by_the_types_of_its_replica(op: str) -> None:
    assert read(record(op, ROW)) == RowChange("release", (7,), EXPECTED)


def test_a_removal_needs_only_the_key() -> None:
    assert read(record("d", None, {"id": 7})) == RowChange("release", (7,), None)


def test_units_and_scales_of_a_record_with_its_schema() -> None:
    fields = [
        {"field": "released", "name": "io.debezium.time.Date"},
        {"field": "made", "name": "io.debezium.time.Timestamp"},
        {"field": "price", "name": "…Decimal", "parameters": {"scale": "2"}},
    ]
    schema = {"fields": [{"field": name, "fields": fields} for name in ("before", "after")]}
    row = {**ROW, "released": 20455, "made": 1767323045678, "price": "AJY="}
    payload = json.loads(record("c", row))
    change = read(json.dumps({"schema": schema, "payload": payload}).encode())
    assert change.row is not None
    assert change.row["released"] == date(2026, 1, 2)
    assert change.row["made"] == datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
    assert change.row["price"] == Decimal("1.50")


def test_what_was_not_sent_is_unchanged() -> None:
    change = read(record("u", {**ROW, "title": "__debezium_unavailable_value"}))
    assert change.unchanged == {"title"}
    assert change.row is not None
    assert "title" not in change.row


def test_a_truncation_is_one_where_it_stands_in_order() -> None:
    assert read(record("t")) == RowChange("release", (), None)
    known = KnownTable(("id",), TYPES, is_in_order=False)
    with pytest.raises(Undecodable, match="truncated the table"):
        SourceReader({"release": known}).read("mb.public.release", 0, 3, None, record("t"))


def test_a_column_that_a_record_lacks_may_be_late_or_let_go() -> None:
    row = {name: value for name, value in ROW.items() if name != "title"}
    late = SourceReader({"release": KnownTable(("id",), TYPES, late=frozenset({"title"}))})
    found = late.read("mb.public.release", 0, 3, None, record("c", row))
    assert isinstance(found, Captured)
    assert found.change.unchanged == {"title"}
    lenient = SourceReader({"release": KnownTable(("id",), TYPES)}, is_lenient=True)
    found = lenient.read("mb.public.release", 0, 3, None, record("c", row))
    assert isinstance(found, Captured)
    assert found.change.row == {**EXPECTED, "title": None}


def test_what_says_nothing_of_a_row_is_skipped() -> None:
    skipped = reader().read("mb.public.release", 0, 0, b'{"id":7}', None)
    assert skipped == Skip("tombstone")
    skipped = reader().read("mb.public.release", 0, 0, None, record("m"))
    assert skipped == Skip("logical message")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"\0\0\0\0\1abc", "looks like Avro"),
        (b"<xml>", "no JSON object"),
        (json.dumps(ROW).encode(), "looks like a flat row"),
        (record("x", ROW), "op is 'x'"),
        (record("c"), "without a row"),
        (record("c", {k: v for k, v in ROW.items() if k != "title"}), "title isn't in the record"),
        (record("c", {**ROW, "released": "soon"}), "release.released"),
        (record("c", {**ROW, "title": "a\0b"}), "NUL"),
        (record("c", {**ROW, "id": None}), "its key has no value"),
        (record("c", ROW, source={"table": "x"}), "no source as Debezium's"),
        (record("c", ROW, source={**SOURCE, "table": "track"}), "of the table track"),
    ],
)
def test_what_cannot_be_read_says_what_it_looks_like(value: bytes, why: str) -> None:
    with pytest.raises(Undecodable, match=why):
        read(value)


def test_names_are_found_whatever_their_case() -> None:
    folded = SourceReader({"release": KnownTable(("releaseid",), {"releaseid": "bigint"})})
    for name in ("ReleaseId", "RELEASEID", "releaseid"):
        value = record("c", {name: 7}, source={**SOURCE, "table": "Release"})
        found = folded.read("mb.dbo.release", 0, 0, None, value)
        assert isinstance(found, Captured)
        assert found.change == RowChange("release", (7,), {"releaseid": 7})


def test_what_a_lenient_source_lacks_is_null_but_never_of_the_key() -> None:
    known = {"release": KnownTable(("id",), {"id": "bigint", "title": "text"})}
    lenient = SourceReader(known, is_lenient=True)
    found = lenient.read("mb.public.release", 0, 0, None, record("c", {"id": 7}))
    assert isinstance(found, Captured)
    assert found.change == RowChange("release", (7,), {"id": 7, "title": None})
    with pytest.raises(Undecodable, match="id isn't in the record"):
        lenient.read("mb.public.release", 0, 0, None, record("c", {"title": "A"}))


def test_a_connector_without_positions_is_taken_only_where_that_is_said() -> None:
    known = {"release": KnownTable(("id",), {"id": "bigint"})}
    change = record("c", {"id": 7}, source={**SOURCE, "connector": "informix"})
    with pytest.raises(NoPosition, match=r"'informix'.*exactly_once = false"):
        SourceReader(known).read("mb.public.release", 0, 0, None, change)
    taken = SourceReader(known, is_exactly_once=False)
    found = taken.read("mb.public.release", 0, 0, None, change)
    assert found == Captured(RowChange("release", (7,), {"id": 7}), None)


def test_a_topic_may_be_called_anything() -> None:
    known = {"release": KnownTable(("id",), {"id": "bigint"})}
    named = SourceReader(known, topics={"cdc-release-v1": "release"})
    found = named.read("cdc-release-v1", 0, 0, None, record("c", {"id": 7}))
    assert isinstance(found, Captured)

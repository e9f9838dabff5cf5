"""The compatibility rules: hand-picked cases, and Apache's own checker as the oracle."""

import json
from typing import Any

import pytest
from avro.compatibility import (
    ReaderWriterCompatibilityChecker,
    SchemaCompatibilityType,
)
from avro.schema import parse
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.schemas import incompatibilities


def record(*fields: dict[str, Any], name: str = "R") -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def field(name: str, type_: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **more}


DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 6}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}


@pytest.mark.parametrize(
    ("old", "new", "reasons"),
    [
        (record(), record(field("a", "string", default="")), []),
        (record(), record(field("a", "string")), ["a: added without a default"]),
        (record(field("a", "string")), record(), ["a: removed without a default"]),
        (record(field("a", ["null", "string"], default=None)), record(), []),
        (
            record(field("a", "int")),
            record(field("a", "long")),
            ["a: type changed from int to long"],
        ),
        (record(field("a", "string")), record(field("a", "bytes")), []),
        (
            record(field("a", MILLIS)),
            record(field("a", MICROS)),
            ["a: logical type changed from long (timestamp-millis) to long (timestamp-micros)"],
        ),
        (
            record(field("a", {"type": "array", "items": record(field("b", DECIMAL), name="S")})),
            record(
                field(
                    "a",
                    {
                        "type": "array",
                        "items": record(field("b", DECIMAL | {"scale": 2}), name="S"),
                    },
                )
            ),
            ["a[].b: logical type changed from bytes (decimal 18 6) to bytes (decimal 18 2)"],
        ),
        (
            record(field("a", ["null", record(field("b", "int"), name="S")])),
            record(field("a", ["null", record(field("b", "string"), name="S")])),
            ["a.b: type changed from int to string"],
        ),
        (
            record(field("a", {"type": "enum", "name": "E", "symbols": ["x"]})),
            record(field("a", {"type": "enum", "name": "E", "symbols": ["x", "y"]})),
            ["a: symbols added without a default: ['y']"],
        ),
        (record(name="R"), record(name="Q"), ["Q: name changed from R to Q"]),
    ],
)
def test_change(old: Any, new: Any, reasons: list[str]) -> None:
    assert [str(flaw) for flaw in incompatibilities(old, new)] == reasons


def test_record_that_holds_itself() -> None:
    tree = record(field("children", {"type": "array", "items": "R"}), field("a", "int"))
    other = record(field("children", {"type": "array", "items": "R"}), field("a", "string"))
    assert incompatibilities(tree, tree) == []
    assert [flaw.field for flaw in incompatibilities(tree, other)] == ["a"]


PRIMITIVES = st.sampled_from(
    ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
)


def _unions(branches: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(branches, min_size=1, max_size=3, unique_by=_kind)


def _kind(schema: Any) -> str:
    return schema["type"] if isinstance(schema, dict) else str(schema)


@st.composite
def _records(draw: st.DrawFn, types: st.SearchStrategy[Any], name: str) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from("abc"), unique=True))
    fields = []
    for each in names:
        type_ = draw(types)
        nullable = isinstance(type_, list) and type_[0] == "null"
        fields.append(field(each, type_, **({"default": None} if nullable else {})))
    return record(*fields, name=name)


SIMPLE = PRIMITIVES | st.builds(lambda items: {"type": "array", "items": items}, PRIMITIVES)
INNER = st.one_of(
    SIMPLE,
    _unions(SIMPLE),
    st.builds(
        lambda symbols: {"type": "enum", "name": "E", "symbols": symbols},
        st.lists(st.sampled_from("xyz"), min_size=1, unique=True),
    ),
)


@settings(max_examples=400)
@given(old=_records(INNER, "R"), new=_records(INNER, "R"))
def test_verdict_is_apaches(old: dict[str, Any], new: dict[str, Any]) -> None:
    # each named type may be defined once in a schema
    if json.dumps(old).count('"enum"') > 1 or json.dumps(new).count('"enum"') > 1:
        return
    one, other = parse(json.dumps(old)), parse(json.dumps(new))
    checker: Any = ReaderWriterCompatibilityChecker
    full = all(
        checker().get_compatibility(reader, writer).compatibility
        is SchemaCompatibilityType.compatible
        for reader, writer in ((one, other), (other, one))
    )
    assert (incompatibilities(old, new) == []) == full

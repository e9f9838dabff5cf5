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


def fixed(size: int, name: str = "F", **more: Any) -> dict[str, Any]:
    return {"type": "fixed", "name": name, "size": size, **more}


def enum(*symbols: str, name: str = "E", **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": name, "symbols": list(symbols), **more}


def mapping(values: Any) -> dict[str, Any]:
    return {"type": "map", "values": values}


DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 6}
DATE = {"type": "int", "logicalType": "date"}
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
        (
            record(field("a", fixed(4))),
            record(field("a", fixed(8))),
            ["a: size changed from 4 to 8"],
        ),
        (
            record(field("a", fixed(4, name="F"))),
            record(field("a", fixed(4, name="G"))),
            ["a: name changed from F to G"],
        ),
        (
            record(field("a", fixed(4))),
            record(field("a", "bytes")),
            ["a: type changed from fixed to bytes"],
        ),
        (
            record(field("a", fixed(8, logicalType="decimal", precision=18, scale=6))),
            record(field("a", fixed(8, logicalType="decimal", precision=18, scale=2))),
            ["a: logical type changed from fixed (decimal 18 6) to fixed (decimal 18 2)"],
        ),
        (
            record(field("a", mapping("int"))),
            record(field("a", mapping("string"))),
            ["a{}: type changed from int to string"],
        ),
        (
            record(field("a", mapping(record(field("b", "int"), name="S")))),
            record(field("a", mapping(record(name="S")))),
            ["a{}.b: removed without a default"],
        ),
        (
            record(field("a", {"type": "array", "items": "int"})),
            record(field("a", mapping("int"))),
            ["a: type changed from array to map"],
        ),
        # a named type in a union is found by its name, wherever it is defined
        (
            record(field("a", fixed(4)), field("b", ["null", "F"])),
            record(field("a", fixed(4)), field("b", ["F", "null"])),
            [],
        ),
        (
            record(field("a", ["null", fixed(4)])),
            record(field("a", ["null", fixed(5)])),
            ["a: size changed from 4 to 5"],
        ),
        (
            record(field("a", fixed(4, name="catalog.F")), field("b", ["null", "catalog.F"])),
            record(field("a", fixed(4, name="catalog.F")), field("b", ["null", "int"])),
            [
                "b: type changed from fixed to [null, int]",
                "b: type changed from [null, catalog.F] to int",
            ],
        ),
        (
            record(
                field(
                    "a", record(field("b", fixed(4)), name="catalog.S") | {"namespace": "not.this"}
                ),
                field("c", "catalog.F"),
            ),
            record(
                field(
                    "a", record(field("b", fixed(4)), name="catalog.S") | {"namespace": "not.this"}
                ),
                field("c", fixed(5, name="catalog.other.F")),
            ),
            ["c: size changed from 4 to 5"],
        ),
        (
            record(field("a", enum("x")), field("b", ["null", "E"])),
            record(field("a", enum("x")), field("b", ["null", fixed(1, name="G")])),
            [
                "b: type changed from enum to [null, fixed]",
                "b: type changed from [null, E] to fixed",
            ],
        ),
        (
            record(field("a", [record(name="S"), record(field("b", "int"), name="T")])),
            record(field("a", [record(name="T"), record(name="S")])),
            ["a.b: removed without a default"],
        ),
        (
            record(field("a", enum("x", "y")), field("b", "E")),
            record(field("a", enum("x", "y")), field("b", enum("x", name="D"))),
            ["b: name changed from E to D"],
        ),
        (record(field("a", enum("x", "y"))), record(field("a", enum("x", default="x"))), []),
        (
            record(field("a", enum("x", "z", "y", default="x"))),
            record(field("a", enum("x"))),
            ["a: symbols removed without a default: ['y', 'z']"],
        ),
        (
            record(field("old", "int"), field("b", "int")),
            record(field("new", "int", aliases=["old"], default=0), field("b", "int")),
            ["old: removed without a default"],
        ),
        (record(field("a", "int", default=0)), record(field("b", "int", default=0)), []),
        (
            ["null", "int"],
            ["null", "string"],
            [
                "schema: type changed from int to [null, string]",
                "schema: type changed from [null, int] to string",
            ],
        ),
        ("int", [], ["schema: type changed from int to an empty union"]),
        ("long", {"type": "long"}, []),
        (
            MILLIS,
            "double",
            [
                "schema: type changed from long (timestamp-millis) to double",
            ],
        ),
    ],
)
def test_change(old: Any, new: Any, reasons: list[str]) -> None:
    assert [str(one) for one in incompatibilities(old, new)] == reasons


def test_a_record_is_compared_wherever_it_stands() -> None:
    """Having seen a pair of records on one path says nothing of another."""
    inner, other = record(field("b", "int"), name="S"), record(field("b", "string"), name="S")
    old = record(field("a", inner), field("c", {"type": "array", "items": "S"}))
    new = record(field("a", other), field("c", {"type": "array", "items": "S"}))
    assert [one.field for one in incompatibilities(old, new)] == ["a.b", "c[].b"]


@pytest.mark.parametrize(
    "where",
    [
        lambda inner: {"type": "array", "items": inner},
        mapping,
        lambda inner: ["null", inner],
        lambda inner: record(field("b", inner), name="S"),
    ],
    ids=["array", "map", "union", "record"],
)
def test_a_named_type_is_found_wherever_it_is_defined(where: Any) -> None:
    """By its full name, which a definition inside inherits the namespace for."""

    def schema(size: int) -> dict[str, Any]:
        outer = record(field("a", where(fixed(size))), field("c", "catalog.F"), name="R")
        return {**outer, "namespace": "catalog"}

    found = {one.field for one in incompatibilities(schema(4), schema(5))}
    assert "c" in found
    assert incompatibilities(schema(4), schema(4)) == []


def test_a_field_is_found_by_its_alias() -> None:
    old = record(field("old", "string", default=""))
    new = record(field("new", "int", aliases=["old"], default=0))
    assert [str(one) for one in incompatibilities(old, new)] == [
        "new: type changed from string to int"
    ]


def test_of_a_union_the_branch_that_is_named_alike_explains() -> None:
    """Also where it is named only, and stands behind another of its kind."""
    others = [record(name="T"), "S"]
    old = record(field("a", record(field("b", "int"), name="S")), field("c", others))
    new = record(
        field("a", record(field("b", "int"), name="S")),
        field("c", [record(name="T"), fixed(1)]),
    )
    reasons = [str(one) for one in incompatibilities(old, new)]
    assert reasons == [
        "c: name changed from S to T",
        "c: type changed from [record, S] to fixed",
    ]


def test_a_number_that_means_something_is_not_promoted() -> None:
    plain, meant = {"type": "int"}, {"type": "long", "logicalType": "timestamp-millis"}
    for old, new in ((plain, meant), (DATE, {"type": "long"})):
        assert len(incompatibilities(record(field("a", old)), record(field("a", new)))) == 1
    assert incompatibilities(record(field("a", DATE)), record(field("a", "int"))) != []


def test_record_that_holds_itself() -> None:
    tree = record(field("children", {"type": "array", "items": "R"}), field("a", "int"))
    other = record(field("children", {"type": "array", "items": "R"}), field("a", "string"))
    assert incompatibilities(tree, tree) == []
    assert [one.field for one in incompatibilities(tree, other)] == ["a"]


PRIMITIVES = st.sampled_from(
    ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
)


_NAMED = ("record", "enum", "fixed")


def _unions(branches: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(branches, min_size=1, max_size=4, unique_by=_branch)


def _branch(schema: Any) -> str:
    """What may stand once in a union: a kind of type, or a name."""
    if isinstance(schema, dict):
        return str(schema["name"] if schema["type"] in _NAMED else schema["type"])
    return str(schema)


@st.composite
def _records(draw: st.DrawFn, types: st.SearchStrategy[Any], name: str) -> dict[str, Any]:
    fields = []
    for each in draw(st.lists(st.sampled_from("abc"), unique=True)):
        type_ = draw(types)
        more: dict[str, Any] = {}
        if type_ == "int" and draw(st.booleans()):
            more["default"] = 1
        elif isinstance(type_, list) and type_[0] == "null":
            more["default"] = None
        if each == "c" and draw(st.booleans()):
            more["aliases"] = ["b"]
        fields.append(field(each, type_, **more))
    return record(*fields, name=name)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arrays = st.builds(lambda items: {"type": "array", "items": items}, inner)
    return arrays | st.builds(mapping, inner)


@st.composite
def _enums(draw: st.DrawFn) -> dict[str, Any]:
    symbols = draw(st.lists(st.sampled_from("xyz"), min_size=1, unique=True))
    default = {"default": symbols[0]} if draw(st.booleans()) else {}
    return enum(*symbols, name=draw(st.sampled_from("DE")), **default)


FIXED = st.builds(fixed, st.integers(1, 2), st.sampled_from("FG"))
SIMPLE = st.one_of(PRIMITIVES, FIXED, _enums(), _containers(PRIMITIVES | FIXED))
INNER = st.one_of(SIMPLE, _records(SIMPLE | _unions(SIMPLE), "S"), _records(SIMPLE, "T"))
TYPES = st.one_of(INNER, _unions(INNER), _containers(INNER | _unions(INNER)))


def _defined_once(schema: Any, known: set[str]) -> Any:
    """A schema whose named types are defined where they come first, and then only named."""
    if isinstance(schema, list):
        return [_defined_once(branch, known) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    if schema["type"] in _NAMED:
        if schema["name"] in known:
            return schema["name"]
        known.add(schema["name"])
    inside = {
        key: _defined_once(schema[key], known) for key in ("items", "values") if key in schema
    }
    if "fields" in schema:
        inside["fields"] = [
            {**each, "type": _defined_once(each["type"], known)} for each in schema["fields"]
        ]
    return {**schema, **inside}


@settings(max_examples=600)
@given(old=_records(TYPES, "R"), new=_records(TYPES, "R"))
def test_verdict_is_apaches(old: dict[str, Any], new: dict[str, Any]) -> None:
    old, new = _defined_once(old, set()), _defined_once(new, set())
    one, other = parse(json.dumps(old)), parse(json.dumps(new))
    checker: Any = ReaderWriterCompatibilityChecker
    full = all(
        checker().get_compatibility(reader, writer).compatibility
        is SchemaCompatibilityType.compatible
        for reader, writer in ((one, other), (other, one))
    )
    assert (incompatibilities(old, new) == []) == full

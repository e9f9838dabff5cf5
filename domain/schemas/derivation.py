"""An event dataclass as an Avro schema, with the documentation that stands in its source.

py-avro-schema knows the types; what it does not carry over are the docstrings under the fields,
which are half of a contract. They are read from the source text here, when a schema is written or
checked, never while the service runs.
"""

import ast
import dataclasses
import inspect
import json
import textwrap
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import py_avro_schema

from domain.events import Event

Schema = dict[str, Any]
"""A parsed Avro record schema."""


def full_name(event_type: type[Event]) -> str:
    """Avro full name, and the registry's subject: `catalog.track.TrackAdded`."""
    return f"catalog.{event_type.SUBJECT}.{event_type.__name__}"


def schema_of(event_type: type[Event]) -> Schema:
    """Avro schema of an event type, documented, with its keys in a fixed order."""
    namespace = f"catalog.{event_type.SUBJECT}"
    generated: Schema = json.loads(py_avro_schema.generate(event_type, namespace=namespace))
    return _documented(generated, event_type)


def render(schema: Schema) -> str:
    """Render a schema as the text that is checked in; equal schemas give equal texts."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _documented(record: Schema, cls: type) -> Schema:
    """Return the record schema with `doc` on itself and its fields, keys in a readable order."""
    docs = dict(_field_docs(cls))
    nested = {inner.__name__: inner for inner in _nested_dataclasses(cls)}
    fields = []
    for field in record["fields"]:
        ordered = {"name": field["name"], "type": _with_nested(field["type"], nested)}
        if "default" in field:
            ordered["default"] = field["default"]
        if field["name"] in docs:
            ordered["doc"] = docs[field["name"]]
        fields.append(ordered)
    head = {key: record[key] for key in ("type", "name", "namespace")}
    return {**head, "doc": inspect.cleandoc(cls.__doc__ or ""), "fields": fields}


def _with_nested(schema: Any, nested: dict[str, type]) -> Any:
    if isinstance(schema, list):
        return [_with_nested(branch, nested) for branch in schema]
    if isinstance(schema, dict):
        if schema["type"] == "record":
            return _documented(schema, nested[schema["name"]])
        if schema["type"] == "array":
            return {"type": "array", "items": _with_nested(schema["items"], nested)}
    return schema


def _nested_dataclasses(cls: type) -> Iterator[type]:
    def inside(hint: Any) -> Iterator[type]:
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            yield hint
        for argument in get_args(hint):
            yield from inside(argument)

    for field_type in get_type_hints(cls).values():
        yield from inside(field_type)


def _field_docs(cls: type) -> Iterator[tuple[str, str]]:
    """Yield (field, docstring below it) of a dataclass, its bases first."""
    for base in reversed(cls.__mro__):
        if not dataclasses.is_dataclass(base):
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(definition, ast.ClassDef)  # noqa: S101 - the source of a class is one
        for statement, following in zip(definition.body, definition.body[1:], strict=False):
            match statement, following:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    yield name, inspect.cleandoc(text)

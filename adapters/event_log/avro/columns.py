"""Columns in the writer's schema, brought to the reader's: Avro's schema resolution on frames."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from domain.failures import Unusable

_PRIMITIVES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "bytes": pl.Binary(),
    "int": pl.Int32(),
    "long": pl.Int64(),
    "float": pl.Float32(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
}
_PROMOTIONS: set[tuple[pl.DataType, pl.DataType]] = {
    (pl.Int32(), pl.Int64()),
    (pl.Int32(), pl.Float32()),
    (pl.Int32(), pl.Float64()),
    (pl.Int64(), pl.Float32()),
    (pl.Int64(), pl.Float64()),
    (pl.Float32(), pl.Float64()),
    (pl.String(), pl.Binary()),
    (pl.Binary(), pl.String()),
}
"""What a writer's column is → what the reader may take it for."""


def column_type(schema: Any) -> pl.DataType:  # noqa: PLR0911 - a type a line
    """Return the type of the column that a schema decodes to.

    Raises:
        NotImplementedError: the schema uses a type that no event uses.
    """
    match schema:
        case ["null", branch]:
            return column_type(branch)
        case {"type": "long", "logicalType": "timestamp-micros"}:
            return pl.Datetime("us", "UTC")
        case {"type": "int", "logicalType": "date"}:
            return pl.Date()
        case {
            "type": "bytes",
            "logicalType": "decimal",
            "precision": int(precision),
            "scale": int(scale),
        }:
            return pl.Decimal(precision, scale)
        case {"type": "array", "items": items}:
            return pl.List(column_type(items))
        case {"type": "record", "fields": fields}:
            return pl.Struct({field["name"]: column_type(field["type"]) for field in fields})
        case str() if schema in _PRIMITIVES:
            return _PRIMITIVES[schema]
    raise NotImplementedError(f"columns of type {schema!r} are not read yet: add it here")


def frame_schema(record: Mapping[str, Any]) -> pl.Schema:
    """Return the columns that a record schema decodes to."""
    return pl.Schema({field["name"]: column_type(field["type"]) for field in record["fields"]})


class Unreadable(Unusable):
    """What a writer's schema holds is not what its reader's can be made of (Avro 1.12, "Schema
    Resolution")."""


def resolved(frame: pl.DataFrame, reader: Mapping[str, Any], columns: pl.Schema) -> pl.DataFrame:
    """Return exactly the reader's fields: missing ones by their default, unknown ones dropped.

    `columns` is the reader's `frame_schema`, made once by the caller. Raises Unreadable.
    """
    have = frame.schema
    if have == columns:
        return frame
    return frame.select(
        _field(field, pl.col(field["name"]), have.get(field["name"]), columns[field["name"]])
        for field in reader["fields"]
    )


def _field(
    field: Mapping[str, Any], column: pl.Expr, have: pl.DataType | None, want: pl.DataType
) -> pl.Expr:
    if have is None:
        if "default" not in field:
            raise Unreadable(f"field {field['name']} is missing and has no default")
        return _constant(field["default"], want).alias(field["name"])
    return _adapted(column, have, want, field["type"]).alias(field["name"])


def _adapted(column: pl.Expr, have: pl.DataType, want: pl.DataType, schema: Any) -> pl.Expr:
    if have == want:
        return column
    schema = schema[1] if isinstance(schema, list) else schema
    match have, want:
        case pl.List(inner=inside), pl.List(inner=outside):
            element = _adapted(pl.element(), inside, outside, schema["items"])  # type: ignore[arg-type]
            return column.list.eval(element)
        case pl.Struct(fields=written), pl.Struct(fields=read):
            old = {field.name: field.dtype for field in written}
            new = {field.name: field.dtype for field in read}
            fields = [
                _field(
                    inner,
                    column.struct.field(inner["name"]),
                    old.get(inner["name"]),  # type: ignore[arg-type]
                    new[inner["name"]],  # type: ignore[arg-type]
                )
                for inner in schema["fields"]
            ]
            return pl.when(column.is_not_null()).then(pl.struct(fields))
    if (have, want) not in _PROMOTIONS:
        raise Unreadable(f"a field is {have}, where {want} is needed")
    return column.cast(want)


def _constant(default: Any, want: pl.DataType) -> pl.Expr:
    return pl.lit(pl.Series([default], dtype=want)).first()

"""Events as Avro, a column at a time: what one event at a time would take minutes for.

Avro's bytes of a record are those of its fields one after another, so a batch is encoded by
encoding each column and joining them row by row. Long texts are framed by lookup of their length;
columns of other types hold few distinct values, each encoded once by the service's own encoder.
"""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from adapters.event_log.avro.encoder import encoder
from adapters.event_log.avro.wire import varint
from adapters.synthetic.distinct import coded

_NOTHING = pa.scalar(b"", pa.large_binary())


def encode(frame: pl.DataFrame, schema: Mapping[str, Any], header: bytes) -> list[bytes]:
    """Encode each row as a record of `schema` (an Avro record), after `header`."""
    head = pa.array([header], pa.large_binary()).take(pa.array([0] * frame.height, pa.int32()))
    parts: list[pa.Array] = pc.binary_join_element_wise(
        head, *_fields(frame, schema), _NOTHING
    ).to_pylist()
    return parts


def _fields(frame: pl.DataFrame, schema: Mapping[str, Any]) -> list[pa.Array]:
    parts = []
    for field in schema["fields"]:
        kind = field["type"]
        column = frame[field["name"]]
        if isinstance(kind, dict) and kind["type"] == "record":
            parts += _fields(column.struct.unnest(), kind)
        elif kind in ("string", ["null", "string"]):
            parts += _text(column, optional=isinstance(kind, list))
        else:
            parts.append(_repeating(column, kind))
    return parts


def _text(column: pl.Series, *, optional: bool) -> list[pa.Array]:
    """Length and bytes of texts, as two columns."""
    text = column.to_arrow().cast(pa.large_string()).cast(pa.large_binary())
    lengths = pc.binary_length(text).fill_null(0)
    branch = b"\x02" if optional else b""
    longest = pc.max(lengths).as_py() or 0
    frames = pa.array([branch + varint(size) for size in range(longest + 1)], pa.large_binary())
    framed = frames.take(lengths)
    if text.null_count:
        framed = pc.if_else(text.is_valid(), framed, pa.scalar(b"\x00", pa.large_binary()))
        text = text.fill_null(b"")
    return [framed, text]


def _repeating(column: pl.Series, kind: Any) -> pa.Array:
    """Encode each distinct value once."""
    values, codes = coded(column)
    write: Callable[[Any], bytes] = encoder(kind)
    encoded = pa.array([write(_attributed(value)) for value in values], pa.large_binary())
    return encoded.take(codes.to_arrow())


def _attributed(value: Any) -> Any:
    """Records, which polars gives as dicts, with attributes as the encoder reads them."""
    if isinstance(value, list):
        return [_attributed(item) for item in value]
    return SimpleNamespace(**value) if isinstance(value, dict) else value

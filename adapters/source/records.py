"""Debezium's records of any table, read by the types of the replica's columns.

JSON with and without schemas. Unlike `adapters.capture.records`, which reads the master's own
tables and no others, this knows nothing of a table but what the replica says of it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from adapters.capture.columns import Kind
from adapters.capture.records import UNAVAILABLE
from adapters.capture.source import CommitTimes, Source, position, transaction
from adapters.capture.values import Convert, Wire, converter
from adapters.source.replica import RowChange
from domain.changes import Change, Coordinates, Operation
from projections.ports.change_reader import Skip, Undecodable

_OPERATIONS = {
    "c": Operation.INSERT,
    "u": Operation.UPDATE,
    "d": Operation.DELETE,
    "r": Operation.READ,
}
_KINDS: Mapping[str, Kind] = {
    "smallint": Kind.INTEGER,
    "integer": Kind.INTEGER,
    "bigint": Kind.INTEGER,
    "numeric": Kind.DECIMAL,
    "real": Kind.FLOAT,
    "double precision": Kind.FLOAT,
    "boolean": Kind.BOOLEAN,
    "date": Kind.DATE,
    "timestamp with time zone": Kind.INSTANT,
    "timestamp without time zone": Kind.INSTANT,
}
_JSON_TYPES = ("json", "jsonb")
MOST_SCHEMAS = 1_000
"""Schemas that are remembered; then all are learnt anew."""

_object = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True)
class Captured:
    """A record that says something of a row."""

    change: RowChange
    seen: Change
    """The same in the form by which repeats are told."""


@dataclass(frozen=True)
class KnownTable:
    """What the reader must know of a table."""

    key: tuple[str, ...]
    columns: Mapping[str, str]
    """Column → type of the replica, as PostgreSQL formats it."""


class SourceReader:
    """Reads the records of a source's topics."""

    def __init__(self, tables: Mapping[str, KnownTable], unavailable: str = UNAVAILABLE) -> None:
        self._tables = tables
        self._unavailable = {
            unavailable,
            base64.b64encode(unavailable.encode()).decode(),
        }
        self._converters: dict[tuple[str, str, bytes], dict[str, Convert]] = {}
        self._committed_at = CommitTimes().of

    def read(self, topic: str, partition: int, offset: int, value: bytes | None) -> Captured | Skip:
        """Read one record; its table is the last part of the topic's name.

        Raises Undecodable where it isn't what its topic promises.
        """
        if value is None:
            return Skip("tombstone")
        name = topic.rpartition(".")[2]
        table = self._tables[name]
        payload, schema = _payload(value)
        operation = _OPERATIONS.get(payload.get("op") or "")
        if operation is None:
            if payload.get("op") == "m":
                return Skip("logical message")
            if payload.get("op") == "t":
                raise Undecodable(
                    "the source truncated the table, and which rows went isn't said: remove the"
                    " source and apply it anew"
                )
            raise Undecodable(f"op is {payload.get('op')!r}, not one of c u d r")
        source = _source(payload)
        if source.table not in (None, name):
            raise Undecodable(f"it is of the table {source.table}, not {name}")
        change = self._change(name, table, payload, operation, (source.connector, schema))
        at = Coordinates(topic, partition, offset)
        seen = Change(
            table=name,
            operation=operation,
            key={"id": repr(change.key)},
            before=None,
            after=None,
            coordinates=at,
            position=position(source),
            transaction=transaction(source),
            committed_at=self._committed_at(source),
        )
        return Captured(change, seen)

    def _change(
        self,
        name: str,
        table: KnownTable,
        payload: Mapping[str, Any],
        operation: Operation,
        form: tuple[str, bytes],
    ) -> RowChange:
        is_removal = operation is Operation.DELETE
        row = payload.get("before" if is_removal else "after")
        if not isinstance(row, dict):
            raise Undecodable(f"op {payload['op']} without a row")
        converters = self._learnt(name, table, *form)
        wanted = table.key if is_removal else table.columns
        values: dict[str, object] = {}
        unchanged = set()
        for column in wanted:
            if column not in row:
                raise Undecodable(f"{name}.{column} isn't in the record; the replica has it")
            value = row[column]
            if self._is_unavailable(value):
                unchanged.add(column)
                continue
            values[column] = self._converted(name, column, converters.get(column), value)
        if unavailable := unchanged.intersection(table.key):
            raise Undecodable(f"{name}.{min(unavailable)} of the key wasn't sent")
        key = tuple(values[column] for column in table.key)
        if None in key:
            raise Undecodable(f"{name}: its key has no value in {', '.join(table.key)}")
        return RowChange(name, key, None if is_removal else values, frozenset(unchanged))

    def _is_unavailable(self, value: object) -> bool:
        if isinstance(value, str):
            return value in self._unavailable
        return (
            isinstance(value, list)
            and bool(value)
            and all(isinstance(v, str) and v in self._unavailable for v in value)
        )

    def _converted(self, table: str, column: str, convert: Convert | None, value: object) -> object:
        if value is None or convert is None:
            return value
        try:
            return convert(value)
        except (ValueError, OverflowError, TypeError) as problem:
            raise Undecodable(f"{table}.{column}: {problem}") from None

    def _learnt(
        self, name: str, table: KnownTable, connector: str, schema: bytes
    ) -> dict[str, Convert]:
        found = self._converters.get((name, connector, schema))
        if found is None:
            wires = _wires(schema) if schema else {}
            found = {}
            for column, type_ in table.columns.items():
                convert = _converter(type_, wires.get(column, Wire()), connector)
                if convert is not None:
                    found[column] = convert
            if len(self._converters) >= MOST_SCHEMAS:
                self._converters.clear()
            self._converters[name, connector, schema] = found
        return found


def _converter(type_: str, wire: Wire, connector: str) -> Convert | None:
    plain = type_.partition("(")[0].strip()
    if "without time zone" in type_ and plain.startswith("timestamp"):
        plain = "timestamp without time zone"
    elif "with time zone" in type_ and plain.startswith("timestamp"):
        plain = "timestamp with time zone"
    if type_ in _JSON_TYPES:
        return lambda value: (
            value if isinstance(value, str) else msgspec.json.encode(value).decode()
        )
    if type_ == "bytea":
        return _bytes
    if plain in ("text", "character varying", "character") or plain not in _KINDS:
        return _text
    return converter(_KINDS[plain], wire, connector)


def _text(value: object) -> object:
    """Text, and whatever PostgreSQL reads from text; arrays stay lists."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    text = value if isinstance(value, list) else str(value)
    if isinstance(text, str) and "\0" in text:
        raise ValueError("it holds a NUL character, which PostgreSQL can't keep")
    return text


def _bytes(value: object) -> bytes:
    try:
        return base64.b64decode(str(value), validate=True)
    except binascii.Error:
        raise ValueError(f"{value!r} is no base64") from None


def _payload(value: bytes) -> tuple[Mapping[str, Any], bytes]:
    if value[:1] == b"\0":
        raise Undecodable("it looks like Avro of a schema registry, which isn't read yet: use JSON")
    try:
        content = _object.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise Undecodable(f"the value is no JSON object: {problem}") from None
    payload = content.get("payload")
    if isinstance(payload, dict) and "op" not in content:
        schema = content.get("schema")
        return payload, b"" if schema is None else msgspec.json.encode(schema)
    if "op" not in content:
        raise Undecodable(
            "the value has no op: it looks like a flat row (ExtractNewRecordState), which isn't"
            " read yet; take that transform off"
        )
    return content, b""


def _source(payload: Mapping[str, Any]) -> Source:
    try:
        return msgspec.convert(payload.get("source"), Source)
    except msgspec.ValidationError as problem:
        raise Undecodable(f"the value has no source as Debezium's: {problem}") from None


def _wires(schema: bytes) -> dict[str, Wire]:
    """Semantic names and scales of the columns, from the envelope's schema."""
    try:
        content = _object.decode(schema)
        rows = [field for field in content["fields"] if field.get("field") in ("after", "before")]
        found = {}
        for column in rows[0]["fields"]:
            scale = (column.get("parameters") or {}).get("scale")
            found[column["field"]] = Wire(column.get("name"), None if scale is None else int(scale))
        return found
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise Undecodable("the schema has no fields of the row after") from None

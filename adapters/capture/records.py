"""A record of a capture topic into a `Change`, in every form that Debezium sends.

Forms: bare and with schema, key and value; PostgreSQL and SQL Server; snapshot, incremental
snapshot and streaming; tombstones, heartbeats, transaction marks, schema changes, truncates and
logical messages, which say nothing of a row and are skipped with a reason.

Each table has its own typed decoder: columns that no event carries are never made into objects,
and a value of the wrong type is named by its path.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.capture.columns import TABLES, Columns, Kind
from adapters.capture.source import CommitTimes, Source, position, transaction
from adapters.capture.unavailable import TOASTED, UNAVAILABLE, Placeholders
from adapters.capture.values import Convert, Wire, converter
from domain.changes import UNCHANGED, Change, Coordinates, Operation
from projections.ports.change_reader import NoPosition, Skip, Undecodable

MOST_SCHEMAS = 1_000
"""Schemas of a table that are remembered; then all are learnt anew. A table has a few in its life,
but whoever writes to its topic could send another with each record."""

_OPERATIONS = {
    "c": Operation.INSERT,
    "u": Operation.UPDATE,
    "d": Operation.DELETE,
    "r": Operation.READ,
}
_SKIPPED = {"t": "truncate", "m": "logical message"}
_WIRE_TYPES: Mapping[Kind, Any] = {
    Kind.TEXT: str | None,
    Kind.INTEGER: int | None,
    Kind.FLOAT: float | str | dict[str, Any] | None,
    Kind.BOOLEAN: bool | int | None,
    Kind.DATE: int | str | None,
    Kind.INSTANT: int | str | None,
    Kind.BEGIN: int | str | None,
    Kind.END: int | str | None,
    Kind.DECIMAL: int | float | str | dict[str, Any] | None,
    Kind.TEXTS: list[str | None] | str | None,
    Kind.JSON: str | list[Any] | dict[str, Any] | None,
}
_NOTHING = frozenset[str]()

_NO_POSITION = (
    "the connector {!r} doesn't say where in its source's log the change stands, so a repeat of it"
    " could not be recognised; CATALOG_TRANSLATE__EXACTLY_ONCE=false takes it at least once"
)


class _KeyRow(msgspec.Struct, forbid_unknown_fields=True):
    id: str


class _Key(msgspec.Struct, forbid_unknown_fields=True):
    """A key of other columns too is refused: two of its rows could be taken for one."""

    id: str | None = None
    payload: _KeyRow | None = None
    schema: msgspec.Raw = msgspec.Raw(b"")


_key = msgspec.json.Decoder(_Key)
_anything = msgspec.json.Decoder(dict[str, Any])


class DebeziumReader:
    """Implements `projections.ports.change_reader.ChangeReader` for Debezium's records.

    Remembers the schemas that it has met.
    """

    def __init__(
        self,
        tables: Mapping[str, Columns] = TABLES,
        unavailable: str = UNAVAILABLE,
        *,
        is_exactly_once: bool = True,
    ) -> None:
        """`is_exactly_once` refuses changes whose repeats could not be recognised."""
        self._tables = {
            name: _TableReader(name, kinds, unavailable, is_exactly_once)
            for name, kinds in tables.items()
        }

    def read(
        self, topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None
    ) -> Change | Skip:
        """Read one record. The table is the last part of the topic's name.

        Raises `Undecodable` where the record isn't what its topic promises.
        """
        if value is None:
            return Skip("tombstone")
        table = self._tables.get(topic.rpartition(".")[2])
        if table is None:
            return _other(topic, value)
        return table.read(Coordinates(topic, partition, offset), key, value)


def _other(topic: str, value: bytes) -> Skip:
    """What a record of a topic is that belongs to no table of ours."""
    try:
        content = _anything.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise Undecodable(f"the value is no JSON object: {problem}") from None
    content = content.get("payload", content)
    if not isinstance(content, dict):
        raise Undecodable(f"no change, heartbeat or transaction mark: {str(content)[:80]}")
    if "op" in content:
        return Skip(_SKIPPED.get(content["op"], f"{topic} makes no events"))
    if {"status", "id"} <= content.keys():
        return Skip("transaction")
    if "tableChanges" in content or "ddl" in content:
        return Skip("schema change")
    if "ts_ms" in content:
        return Skip("heartbeat")
    raise Undecodable(f"no change, heartbeat or transaction mark: {sorted(content)[:10]}")


class _TableReader:
    """Reads the records of one table.

    Records have all columns, nearly always, and the decoder for that finds one that lacks some
    without any cost. Then another takes its place which tells what is absent, until nothing is.
    """

    def __init__(self, table: str, kinds: Columns, unavailable: str, is_exactly_once: bool) -> None:
        self._is_exactly_once = is_exactly_once
        self._table = table
        self._kinds = kinds
        self._unavailable = Placeholders.of(unavailable)
        self._decode_whole = _decoder(table, kinds, _WIRE_TYPES, is_whole=True).decode
        self._decode_any = _decoder(table, kinds, _WIRE_TYPES).decode
        self._lacks = False
        """Whether the last record that was decoded lacked a column."""
        toasted = _decoder(table, kinds, {**_WIRE_TYPES, **TOASTED})
        self._decode_toasted = toasted.decode
        self._decode_after = _decoder(table, kinds, _WIRE_TYPES, before=msgspec.Raw).decode
        self._converters: dict[tuple[str, bytes], list[tuple[str, Convert]]] = {}
        self._committed_at = CommitTimes().of

    def read(self, at: Coordinates, key: bytes | None, value: bytes) -> Change | Skip:
        is_toasted = self._unavailable.are_in(value)
        record, schema = self._envelope(value, is_toasted)
        operation = _OPERATIONS.get(record.op)
        if operation is None:
            if record.op in _SKIPPED:
                return Skip(_SKIPPED[record.op])
            raise Undecodable(f"op is {record.op!r}, not one of c u d r t m")
        source: Source | None = record.source
        if source is None:
            raise Undecodable("the value has no source")
        if source.table is not None and source.table != self._table:
            raise Undecodable(f"it is of the table {source.table}, not {self._table}")
        identity = id_of(key)
        before, after, absent = self._rows(record, schema, source.connector, operation, is_toasted)
        place = position(source)
        if not place and self._is_exactly_once and operation is not Operation.READ:
            raise NoPosition(_NO_POSITION.format(source.connector))
        row = after if after is not None else before
        if row is not None and row["id"] != identity and (after is not None or row["id"]):
            raise Undecodable(f"the key says id {identity!r}, the row {row['id']!r}")
        return Change(
            table=self._table,
            operation=operation,
            key={"id": identity},
            before=before,
            after=after,
            coordinates=at,
            position=place,
            transaction=transaction(source),
            committed_at=self._committed_at(source),
            absent=absent,
        )

    def _envelope(self, value: bytes, is_toasted: bool) -> tuple[Any, bytes]:
        """The envelope and, where the record brings one, its schema's text."""
        if not (is_toasted or self._lacks):
            try:
                return _opened(self._decode_whole(value))
            except (msgspec.DecodeError, UnicodeDecodeError):
                self._lacks = True  # a column, or it is of no use at all
        try:
            outer = (self._decode_toasted if is_toasted else self._decode_any)(value)
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            # What the row was may be unreadable (an older table): what it is counts.
            try:
                outer = self._decode_after(value)
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise Undecodable(f"the value can't be read: {problem}") from None
            outer.before = None
            if outer.payload is not None:
                outer.payload.before = None
        return _opened(outer)

    def _rows(
        self, record: Any, schema: bytes, connector: str, operation: Operation, is_toasted: bool
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None, frozenset[str]]:
        """The rows before and after, and what the latter lacks."""
        after = None if record.after is None else msgspec.structs.asdict(record.after)
        absent = _NOTHING
        if after is not None and (self._lacks or is_toasted):
            absent = frozenset(name for name, value in after.items() if value is msgspec.UNSET)
            after.update(dict.fromkeys(absent))
            self._lacks = bool(absent)
        before = None if record.before is None else msgspec.structs.asdict(record.before)
        if operation is Operation.DELETE:
            after = None
        elif after is None:
            raise Undecodable(f"op {record.op} without a row after")
        converters = self._converters.get((connector, schema))
        if converters is None:
            converters = self._learn(connector, schema)
        if is_toasted:
            rows = before, after
            self._unavailable.mark(self._table, self._kinds, operation, rows, connector)
        for name, convert in converters:
            sent = now = None
            if after is not None and (sent := after[name]) is not None:
                now = after[name] = self._converted(name, convert, sent)
            if before is not None and (was := before[name]) is not None:
                if was == sent:
                    before[name] = now
                    continue
                try:
                    before[name] = self._converted(name, convert, was)
                except Undecodable:
                    before = None
        return before, after, absent

    def _converted(self, name: str, convert: Convert, value: object) -> object:
        if value is UNCHANGED:
            return value
        try:
            return convert(value)
        except (ValueError, OverflowError) as problem:
            raise Undecodable(f"{self._table}.{name}: {problem}") from None

    def _learn(self, connector: str, schema: bytes) -> list[tuple[str, Convert]]:
        wires = _wires(schema) if schema else {}
        found = []
        for name, kind in self._kinds.items():
            convert = converter(kind, wires.get(name, Wire()), connector)
            if convert is not None:
                found.append((name, convert))
        if len(self._converters) >= MOST_SCHEMAS:
            self._converters.clear()
        self._converters[connector, schema] = found
        return found


def _opened(outer: Any) -> tuple[Any, bytes]:
    """The envelope and its schema, of a record with or without one. Raises Undecodable."""
    if outer.payload is not None:
        schema = bytes(outer.schema)
        return outer.payload, b"" if schema == b"null" else schema
    if outer.op is None:
        raise Undecodable("the value is no change: it has no op")
    return outer, b""


def _decoder(
    table: str,
    kinds: Columns,
    types: Mapping[Kind, Any],
    before: object = None,
    *,
    is_whole: bool = False,
) -> "msgspec.json.Decoder[Any]":
    """A decoder of envelopes; with `is_whole` it refuses a row after that lacks a column, else
    what is absent is UNSET there. A row before may lack any."""
    row = msgspec.defstruct(table, [(name, types[kind], None) for name, kind in kinds.items()])
    columns: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        (name, types[kind]) if is_whole else (name, types[kind] | msgspec.UnsetType, msgspec.UNSET)
        for name, kind in kinds.items()
    ]
    after = msgspec.defstruct(f"{table}_after", columns)
    fields: list[tuple[str, Any, Any]] = [
        ("op", str | None, None),
        ("before", before or row | None, None),
        ("after", after | None, None),
        ("source", Source | None, None),
    ]
    inner = msgspec.defstruct(f"{table}_payload", fields)
    whole = [*fields, ("schema", msgspec.Raw, msgspec.Raw(b"")), ("payload", inner | None, None)]
    return msgspec.json.Decoder(msgspec.defstruct(f"{table}_envelope", whole))


def _wires(schema: bytes) -> dict[str, Wire]:
    """Semantic names and scales of the columns, from the envelope's schema."""
    try:
        content = _anything.decode(schema)
        rows = [field for field in content["fields"] if field.get("field") in ("after", "before")]
        found = {}
        for column in rows[0]["fields"]:
            scale = column.get("parameters", {}).get("scale")
            found[column["field"]] = Wire(column.get("name"), None if scale is None else int(scale))
        return found
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise Undecodable("the schema has no fields of the row after") from None


def id_of(key: bytes | None) -> str:
    """The row's id from a record's key, bare or with schema. Raises Undecodable."""
    if key is None:
        raise Undecodable("the record has no key: the table needs a primary key")
    try:
        content = _key.decode(key)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise Undecodable(f"the key can't be read: {problem}") from None
    identity = content.id if content.payload is None else content.payload.id
    if identity is None:
        raise Undecodable("the key has no id")
    return identity

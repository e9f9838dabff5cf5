"""Records of any table, read by the types of the replica's columns, in every form that is sent.

Unlike `adapters.capture.records`, which reads the master's own tables and no others, this knows
nothing of a table but what the replica says of it. How bytes become fields, and what fields say of
a row, is in `adapters.source.encodings`; which form a record has it says itself.

Exactly once means that each change says where in its source's log it stands. Without
(`exactly_once = false`) records are taken in as they come, and a tombstone removes its key: it may
be all that tells of a removal. With it tombstones are left out: one that is sent again after a
restart would remove the row that came after it.
"""

from __future__ import annotations

import base64
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from adapters.capture.source import CommitTimes, Source, position, transaction
from adapters.capture.unavailable import UNAVAILABLE
from adapters.capture.values import Convert, Wire
from adapters.event_log.avro.wire import SchemaTexts
from adapters.source.encodings import cloud_events, flat, json, keys
from adapters.source.encodings.avro import MAGIC, AvroReader
from adapters.source.encodings.decoded import Envelope, Fields, RowSchema, envelope_of
from adapters.source.replica import RowChange
from adapters.source.values import converter_of
from domain.changes import Change, Coordinates, Operation
from projections.ports.change_reader import NoPosition, Skip, Undecodable

_OPERATIONS = {
    "c": Operation.INSERT,
    "u": Operation.UPDATE,
    "d": Operation.DELETE,
    "r": Operation.READ,
    "t": Operation.DELETE,
}
_SIDES = frozenset({"before", "after", "source"})
MOST_SCHEMAS = 1_000
"""Schemas of a table that are remembered; then all are learnt anew."""
_LATE = object()
"""Of a column that the replica got later than the record was written."""
_NO_POSITION = (
    "the connector {!r} doesn't say where in its source's log the change stands, so a repeat of it"
    " could not be recognised; exactly_once = false in source.toml takes it at least once"
)
_TRUNCATED = (
    "the source truncated the table, and in a topic of several partitions it isn't known which"
    " changes came before: remove the source and apply it anew"
)


@dataclass(frozen=True)
class Captured:
    """A record that says something of a row."""

    change: RowChange
    seen: Change | None
    """The same in the form by which repeats are told; none where they can't be."""


@dataclass(frozen=True)
class KnownTable:
    """What the reader must know of a table."""

    key: tuple[str, ...]
    columns: Mapping[str, str]
    """Column → type of the replica, as PostgreSQL formats it."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Column → ms, us or ns: of times in integers, in records without a schema."""
    late: frozenset[str] = frozenset()
    """Columns that earlier records needn't have."""
    is_in_order: bool = True
    """Its topic has one partition, so that a truncation stands where it happened."""


class SourceReader:
    """Reads the records of a source's topics; remembers the schemas that it has met."""

    def __init__(
        self,
        tables: Mapping[str, KnownTable],
        *,
        topics: Mapping[str, str] | None = None,
        schemas: SchemaTexts | None = None,
        is_exactly_once: bool = True,
        is_lenient: bool = False,
        unavailable: str = UNAVAILABLE,
    ) -> None:
        """`topics` names the table of each topic; without, it is the last part of its name.

        `schemas` is the registry of records in Avro. With `is_lenient` a column that a record
        lacks is null.
        """
        self._topics = topics or {}
        self._avro = AvroReader(schemas)
        self._is_exactly_once = is_exactly_once
        self._tables = {
            name: _Table(name, of, unavailable, is_lenient) for name, of in tables.items()
        }
        self._committed_at = CommitTimes().of

    def read(
        self, topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None
    ) -> Captured | Skip:
        """Read one record.

        Raises Undecodable where it isn't what its topic promises, and Unavailable where its
        registry doesn't answer.
        """
        table = self._tables[self._topics.get(topic) or topic.rpartition(".")[2]]
        if value is None:
            if self._is_exactly_once:
                return Skip("tombstone")
            return Captured(table.removal(keys.fields_of(key, table.known.key, self._avro)), None)
        envelope = self._envelope(value)
        operation = _OPERATIONS.get(envelope.op)
        if operation is None:
            if envelope.op == "m":
                return Skip("logical message")
            raise Undecodable(f"op is {envelope.op!r}, not one of c u d r")
        source = envelope.source
        if source.table is not None and source.table.casefold() != table.name.casefold():
            raise Undecodable(f"it is of the table {source.table}, not {table.name}")
        change = table.change(envelope, operation)
        if not self._is_exactly_once:
            return Captured(change, None)
        at = Coordinates(topic, partition, offset)
        return Captured(change, self._seen(table.name, change, operation, source, at))

    def _envelope(self, value: bytes) -> Envelope:
        decoded = self._avro.decode(value) if value[:1] == MAGIC else json.decode(value)
        if "op" in decoded.fields and not _SIDES.isdisjoint(decoded.fields):
            return envelope_of(decoded)
        if cloud_events.is_one(decoded.fields):
            return cloud_events.opened(decoded.fields, self._avro)
        return flat.opened(decoded, is_exactly_once=self._is_exactly_once)

    def _seen(
        self, table: str, change: RowChange, operation: Operation, source: Source, at: Coordinates
    ) -> Change:
        place = position(source)
        if not place and operation is not Operation.READ:
            raise NoPosition(_NO_POSITION.format(source.connector))
        return Change(
            table=table,
            operation=operation,
            key={"id": repr(change.key)},
            before=None,
            after=None,
            coordinates=at,
            position=place,
            transaction=transaction(source),
            committed_at=self._committed_at(source),
        )


_Step = tuple[str, str, Convert]
"""Column of the replica, of the record, and how its values are made."""


class _Table:
    """Makes changes of one table's rows.

    The replica folds the names of databases that fold theirs, so a column is found by its name as
    it is, else without regard to case.
    """

    def __init__(self, name: str, known: KnownTable, unavailable: str, is_lenient: bool) -> None:
        self.name = name
        self.known = known
        self._is_lenient = is_lenient
        self._unavailable = {unavailable, base64.b64encode(unavailable.encode()).decode()}
        self._steps: dict[tuple[Hashable, bool, bool], list[_Step]] = {}
        self._names = {column: column for column in known.columns}
        """Column of the replica → of the records."""

    def removal(self, key: Fields) -> RowChange:
        """The row of this key is gone."""
        return self._made(key, None, is_flat=False, is_removal=True)

    def change(self, envelope: Envelope, operation: Operation) -> RowChange:
        """What a record says of its row. Raises Undecodable."""
        is_removal = operation is Operation.DELETE
        if envelope.op == "t":
            if not self.known.is_in_order:
                raise Undecodable(_TRUNCATED)
            return RowChange(self.name, (), None)
        row = envelope.before if is_removal else envelope.after
        if not isinstance(row, Mapping):
            raise Undecodable(f"op {envelope.op} without a row")
        return self._made(row, envelope.schema, is_flat=envelope.is_flat, is_removal=is_removal)

    def _made(
        self, row: Fields, schema: RowSchema | None, *, is_flat: bool, is_removal: bool
    ) -> RowChange:
        steps = self._steps_of(schema, is_flat=is_flat, is_removal=is_removal)
        if not all(name in row for _, name, _ in steps):
            row = self._found(row, [column for column, _, _ in steps])
            steps = self._steps_of(schema, is_flat=is_flat, is_removal=is_removal)
        values: dict[str, object] = {}
        unchanged = set()
        column = ""
        try:
            for column, name, convert in steps:
                value = row[name]
                if value is None:
                    values[column] = None
                elif value is _LATE or self._is_unavailable(value):
                    unchanged.add(column)
                else:
                    values[column] = convert(value)
        except (ValueError, OverflowError, TypeError, ArithmeticError) as problem:
            raise Undecodable(f"{self.name}.{column}: {problem}") from None
        if unchanged and (without := unchanged.intersection(self.known.key)):
            raise Undecodable(f"{self.name}.{min(without)} of the key wasn't sent")
        key = tuple([values[column] for column in self.known.key])
        if None in key:
            raise Undecodable(f"{self.name}: its key has no value in {', '.join(self.known.key)}")
        return RowChange(self.name, key, None if is_removal else values, frozenset(unchanged))

    def _found(self, row: Fields, columns: Sequence[str]) -> Fields:
        """Learn what the record calls these columns; what it may lack is put in."""
        by_name: dict[str, list[str]] = {}
        for name in row:
            by_name.setdefault(name.casefold(), []).append(name)
        absent: dict[str, object] = {}
        for column in columns:
            name = self._names[column]
            if name in row:
                continue
            folded = by_name.get(column.casefold(), [])
            if len(folded) == 1:
                self._names[column] = folded[0]
                self._steps.clear()
            elif not folded and column in self.known.late:
                absent[name] = _LATE
            elif not folded and self._is_lenient and column not in self.known.key:
                absent[name] = None
            else:
                raise Undecodable(
                    f"{self.name}.{column} isn't in the record: was it dropped or renamed at the"
                    " source? Apply columns and mappings without it, or set lenient = true"
                )
        return {**row, **absent} if absent else row

    def _is_unavailable(self, value: object) -> bool:
        if isinstance(value, str):
            return value in self._unavailable
        return (
            isinstance(value, list)
            and bool(value)
            and all(isinstance(v, str) and v in self._unavailable for v in value)
        )

    def _steps_of(
        self, schema: RowSchema | None, *, is_flat: bool, is_removal: bool
    ) -> list[_Step]:
        identity = (None if schema is None else schema.identity, is_flat, is_removal)
        found = self._steps.get(identity)
        if found is None:
            wires = {} if schema is None else schema.wires(is_flat=is_flat)
            known = self.known
            found = [
                (
                    column,
                    self._names[column],
                    converter_of(
                        known.columns[column],
                        wires.get(self._names[column], Wire()),
                        known.units.get(column),
                    ),
                )
                for column in (known.key if is_removal else known.columns)
            ]
            if len(self._steps) >= MOST_SCHEMAS:
                self._steps.clear()
            self._steps[identity] = found
        return found

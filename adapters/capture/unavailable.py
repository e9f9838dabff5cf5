"""Values that capture leaves out because they didn't change, and texts that only look like them.

A long value that an update leaves as it was is not in the source's log. Debezium then sends a
placeholder, which a master's row may hold as its own text too. What it is follows from where it
stands (Debezium 3.6, PostgresChangeRecordEmitter.columnValues): a row that is read or inserted is
whole; PostgreSQL's row before is as the log has it; and a value that was left out after is taken
from the row before where that has one. So there it is a text of the master. Where the row before
has none, nobody knows which it is.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.capture.columns import Columns, Kind
from domain.changes import UNCHANGED, Operation
from projections.ports.change_reader import Undecodable

UNAVAILABLE = "__debezium_unavailable_value"
"""Debezium's default `unavailable.value.placeholder`."""

TOASTED: Mapping[Kind, Any] = {Kind.INTEGER: int | str | None, Kind.BOOLEAN: bool | str | None}
"""What else columns of these kinds may hold where a record has placeholders."""

_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Placeholders:
    """The placeholder as text, and in base64 as columns of bytes have it."""

    texts: frozenset[str]
    plain: bytes
    encoded: bytes

    @classmethod
    def of(cls, unavailable: str) -> "Placeholders":
        """Both forms of what the connector sends."""
        plain = unavailable.encode()
        encoded = base64.b64encode(plain)
        return cls(frozenset({unavailable, encoded.decode()}), plain, encoded)

    def are_in(self, value: bytes) -> bool:
        """Whether a record has any."""
        return self.plain in value or self.encoded in value

    def mark(
        self,
        table: str,
        kinds: Columns,
        operation: Operation,
        rows: tuple[_Row | None, _Row | None],
        connector: str,
    ) -> None:
        """Put UNCHANGED where a value was left out of the rows before and after.

        Raises Undecodable for a text in a column of numbers that is no placeholder.
        """
        before, after = rows
        is_whole = connector == "postgresql"
        if before is not None:
            self._mark(table, kinds, before, before if is_whole else {})
        if after is not None:
            whole = after if operation is Operation.READ else before if is_whole else None
            self._mark(table, kinds, after, whole or {})

    def _mark(self, table: str, kinds: Columns, row: _Row, whole: Mapping[str, object]) -> None:
        """A column that has a value in `whole` has its own."""
        for name, value in row.items():
            if not self._is_one(value):
                if isinstance(value, str) and kinds[name] in TOASTED:
                    raise Undecodable(f"{table}.{name}: {value!r} is no number")
            elif whole.get(name) is None:
                row[name] = UNCHANGED

    def _is_one(self, value: object) -> bool:
        if isinstance(value, str):
            return value in self.texts
        return isinstance(value, list) and bool(value) and self.texts.issuperset(value)

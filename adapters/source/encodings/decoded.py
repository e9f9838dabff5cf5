"""What the encodings give and the reader takes: fields, their schema, and a change of a row."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from adapters.capture.source import Source
from adapters.capture.values import Wire
from projections.ports.change_reader import Undecodable

Fields = Mapping[str, Any]
"""Names and values as JSON has them: bytes are text in base64."""


class RowSchema(Protocol):
    """What a record says of its columns' types."""

    @property
    def identity(self) -> Hashable:
        """The same for the same schema."""
        ...

    def wires(self, *, is_flat: bool) -> Mapping[str, Wire]:
        """Semantic names and scales of the columns: of the row after, or of the value itself."""
        ...


@dataclass(frozen=True, slots=True)
class Decoded:
    """One value, whatever bytes it was."""

    fields: Fields
    schema: RowSchema | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a record says of a row, in whichever form it was sent."""

    op: str
    """c u d r, as Debezium's; others say nothing of a row."""
    before: Fields | None
    after: Fields | None
    source: Source
    schema: RowSchema | None
    is_flat: bool = False


def source_of(content: object) -> Source:
    """What a record says of where it comes from. Raises Undecodable."""
    try:
        return msgspec.convert(content, Source, strict=False)
    except msgspec.ValidationError as problem:
        raise Undecodable(f"the value has no source as Debezium's: {problem}") from None


def envelope_of(decoded: Decoded) -> Envelope:
    """Debezium's own form: op, before, after, source. Raises Undecodable."""
    fields = decoded.fields
    return Envelope(
        str(fields["op"]),
        fields.get("before"),
        fields.get("after"),
        source_of(fields.get("source")),
        decoded.schema,
    )

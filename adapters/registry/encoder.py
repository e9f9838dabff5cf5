"""Events to bytes, at a few microseconds each.

Translation encodes one event at a time, and a generic Avro writer takes longer for that than all
the rest of a change. So each event type's schema is composed once into functions that know their
types. A property test holds them to what fastavro writes, byte by byte.
"""

import struct
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any

from adapters.registry.wire import SchemaIds, header, varint
from domain.events import Event
from domain.schemas import contract_of

Encode = Callable[[Any], bytes]

_NULL = b"\x00"  # index of the branch `null`, which comes first in all our unions
_SMALL = tuple(varint(number) for number in range(4096))
_SOME_SMALL = tuple(b"\x02" + number for number in _SMALL)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EXACT = Context(prec=60)
_MISFITS = (ValueError, TypeError, AttributeError, ArithmeticError, struct.error)
"""What an encoder raises on a value that is not of its type."""


class Unencodable(ValueError):
    """An event holds a value that its contract cannot carry; the message names the field."""


class EventEncoder:
    """Encodes events by the newest published version of their contract.

    Ids are asked for once an event type; an unregistered one raises NotRegistered.
    """

    def __init__(self, ids: SchemaIds) -> None:
        self._ids = ids
        self._encoders: dict[type[Event], Encode] = {}

    def prepare(self, event_types: Iterable[type[Event]]) -> None:
        """Look up the ids now, so that a missing one is found before work starts."""
        for event_type in event_types:
            self._encoder_of(event_type)

    def encode(self, event: Event) -> bytes:
        """Encode an event in Confluent's wire format.

        Raises:
            Unencodable: a field's value does not fit its type.
            NotRegistered: the contract is not in the registry.
        """
        encode = self._encoders.get(type(event)) or self._encoder_of(type(event))
        return encode(event)

    def _encoder_of(self, event_type: type[Event]) -> Encode:
        if event_type not in self._encoders:
            contract = contract_of(event_type)
            schema_id = self._ids.schema_id(contract.name, contract.newest.text)
            self._encoders[event_type] = _framed(header(schema_id), contract.newest.schema)
        return self._encoders[event_type]


def _framed(head: bytes, schema: dict[str, Any]) -> Encode:
    fields = [(field["name"], encoder(field["type"])) for field in schema["fields"]]

    def encode(event: Event) -> bytes:
        try:
            return b"".join([head, *[write(getattr(event, name)) for name, write in fields]])
        except _MISFITS:
            raise Unencodable(_explain(event)) from None

    def _explain(event: Event) -> str:
        for name, write in fields:
            try:
                write(getattr(event, name))
            except _MISFITS as error:
                return f"{type(event).__name__} {event.id!r}: field {name}: {error}"
        raise AssertionError("an encoder failed once and not twice")

    return encode


def encoder(schema: Any) -> Encode:  # noqa: PLR0911 - a type a line
    """Compose the encoder of a schema; record values are read by attribute.

    Raises:
        NotImplementedError: the schema uses a type that no event uses.
    """
    match schema:
        case ["null", branch]:
            return _optional(branch)
        case "string":
            return _text
        case "long" | "int":
            return _integer
        case "boolean":
            return _boolean
        case "double":
            return struct.Struct("<d").pack
        case {"type": "long", "logicalType": "timestamp-micros"}:
            return _timestamp
        case {"type": "int", "logicalType": "date"}:
            return _date
        case {
            "type": "bytes",
            "logicalType": "decimal",
            "precision": int(precision),
            "scale": int(scale),
        }:
            return _decimal(precision, scale)
        case {"type": "array", "items": items}:
            return _array(items)
        case {"type": "record", "fields": fields}:
            names = [field["name"] for field in fields]
            return _record(names, [encoder(field["type"]) for field in fields])
    raise NotImplementedError(f"events of type {schema!r} are not written yet: add it here")


def _optional(branch: Any) -> Encode:
    if branch == "string":
        return _optional_text
    write = encoder(branch)
    return lambda value: _NULL if value is None else b"\x02" + write(value)


def _text(value: str) -> bytes:
    raw = value.encode()
    size = len(raw)
    return (_SMALL[size] if size < 4096 else varint(size)) + raw


def _optional_text(value: str | None) -> bytes:
    """`_optional(string)`, the commonest field, without a second call."""
    if value is None:
        return _NULL
    raw = value.encode()
    size = len(raw)
    return (_SOME_SMALL[size] if size < 4096 else b"\x02" + varint(size)) + raw


def _integer(value: int) -> bytes:
    return _SMALL[value] if 0 <= value < 4096 else varint(value)


def _boolean(value: bool) -> bytes:
    if value is not True and value is not False:
        raise TypeError(f"{value!r} is no boolean")
    return b"\x01" if value else b"\x00"


@lru_cache(maxsize=1024)  # all rows of a transaction share theirs
def _timestamp(value: datetime) -> bytes:
    since = value - _EPOCH
    return varint((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _date(value: date) -> bytes:
    return varint(value.toordinal() - _EPOCH_DAY)


def _decimal(precision: int, scale: int) -> Encode:
    def write(value: Decimal) -> bytes:
        if not value.is_finite():
            raise ValueError(f"{value} is no number")
        scaled = value.scaleb(scale, _EXACT)
        unscaled = int(scaled)
        if unscaled != scaled or abs(unscaled) >= 10**precision:
            raise ValueError(f"{value} does not fit in decimal({precision}, {scale})")
        raw = unscaled.to_bytes(
            (unscaled + (unscaled < 0)).bit_length() // 8 + 1, "big", signed=True
        )
        return varint(len(raw)) + raw

    return write


def _array(items: Any) -> Encode:
    write = encoder(items)

    def write_all(values: Iterable[Any]) -> bytes:
        written = [write(value) for value in values]
        return varint(len(written)) + b"".join(written) + b"\x00" if written else b"\x00"

    if items != "string":
        return write_all
    remembered = lru_cache(maxsize=4096)(write_all)  # lists of names and territories repeat
    return lambda values: remembered(tuple(values))


def _record(names: list[str], writes: list[Encode]) -> Encode:
    values = attrgetter(*names)
    if len(names) == 1:
        return lambda record: writes[0](values(record))
    return lambda record: b"".join(
        [write(value) for write, value in zip(writes, values(record), strict=True)]
    )

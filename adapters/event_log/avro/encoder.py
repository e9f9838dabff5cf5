"""Events to bytes, at a few microseconds each.

Translation encodes one event at a time, and a generic Avro writer takes longer for that than all
the rest of a change; a function called for each field takes twice as long as what it does. So
each event type's schema is made into one Python expression, once, as `dataclasses` makes
constructors. A property test holds what it writes to what fastavro reads.
"""

import struct
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any

from adapters.event_log.avro.wire import SchemaIds, header, varint
from domain.events import Event
from domain.failures import Unusable
from domain.schemas import contract_of

Encode = Callable[[Any], bytes]

_READY = 4096
_SMALL = tuple(varint(number) for number in range(_READY))
_NAMES: dict[str, Any] = {
    "null": b"\x00",  # index of the branch `null`, which comes first in all our unions
    "small": _SMALL,
    "some_small": tuple(b"\x02" + number for number in _SMALL),
    "varint": varint,
}
"""What the expressions below speak of."""
_TEXT = (
    f"(small[size] if (size := len(raw := {{value}}.encode())) < {_READY} else varint(size)) + raw"
)
_OPTIONAL_TEXT = (
    "(null if (text := {value}) is None else (some_small[size] "
    f"if (size := len(raw := text.encode())) < {_READY} else b'\\x02' + varint(size)) + raw)"
)
_INTEGER = f"(small[number] if 0 <= (number := {{value}}) < {_READY} else varint(number))"
_OPTIONAL_INTEGER = (
    "(null if (number := {value}) is None else some_small[number] "
    f"if 0 <= number < {_READY} else b'\\x02' + varint(number))"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EXACT = Context(prec=60)
_MISFITS = (ValueError, TypeError, AttributeError, ArithmeticError, struct.error)
"""What an encoder raises on a value that is not of its type."""


class Unencodable(Unusable):
    """An event holds a value that its contract cannot carry; the message names the field."""


class AvroEventEncoder:
    """Encodes events by the newest published version of their contract.

    Ids are asked for once per event type; an unregistered one raises NotRegistered. Implements
    `projections.ports.event_encoder.EventEncoder`.
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
    write = encoder(schema, head)

    def encode(event: Event) -> bytes:
        try:
            return write(event)
        except _MISFITS:
            raise Unencodable(_explain(schema, event)) from None

    return encode


def _explain(schema: dict[str, Any], event: Event) -> str:
    for field in schema["fields"]:
        try:
            encoder(field["type"])(getattr(event, field["name"]))
        except _MISFITS as error:
            return f"{type(event).__name__} {event.id!r}: field {field['name']}: {error}"
    raise AssertionError("an encoder failed once and not twice")


def encoder(schema: Any, head: bytes = b"") -> Encode:
    """Compile the encoder of a schema; record values are read by attribute.

    What it writes begins with `head`.

    Raises:
        NotImplementedError: the schema uses a type that no event uses.
    """
    names = {**_NAMES, "head": head}
    parts = ["head"] if head else []
    parts += _parts(schema, "value", names)
    text = parts[0] if len(parts) == 1 else f"b''.join(({', '.join(parts)},))"
    # Of the schema only names of types and fields come in, which Avro allows to be identifiers only
    compiled: Encode = eval(f"lambda value: {text}", names)  # noqa: S307
    return compiled


def _parts(  # noqa: PLR0911 - a type a line
    schema: Any, value: str, names: dict[str, Any]
) -> list[str]:
    """Expressions of the bytes that the expression `value` is written as, one after the other.

    The commonest types are written out; for others `names` gets a function to call.
    """
    match schema:
        case {"type": "record", "fields": fields}:
            return [
                part
                for field in fields
                for part in _parts(field["type"], f"{value}.{field['name']}", names)
            ]
        case "string":
            return [_TEXT.format(value=value)]
        case ["null", "string"]:
            return [_OPTIONAL_TEXT.format(value=value)]
        case "long" | "int":
            return [_INTEGER.format(value=value)]
        case ["null", "long" | "int"]:
            return [_OPTIONAL_INTEGER.format(value=value)]
        case ["null", branch]:
            write = _named(encoder(branch), names)
            return [f"(null if (some := {value}) is None else b'\\x02' + {write}(some))"]
    return [f"{_named(_function(schema), names)}({value})"]


def _named(write: Encode, names: dict[str, Any]) -> str:
    """Give a function a name that expressions can call it by."""
    name = f"write{len(names)}"
    names[name] = write
    return name


def _function(schema: Any) -> Encode:
    match schema:
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
    raise NotImplementedError(f"events of type {schema!r} are not written yet: add it here")


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

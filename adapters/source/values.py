"""Column values: from the forms in which connectors send them to what the replica's column holds.

Which form it is says the record's schema, by Debezium's semantic names; without a schema the type
of the replica's column, and for times in integers the unit that `source.toml` names. Nothing is
guessed by size: 1767323045678 could be milliseconds, or microseconds of another day.

Source: Debezium's documentation of each connector, "Data type mappings".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime, time
from decimal import Decimal
from typing import Any

import msgspec

from adapters.capture.columns import Kind
from adapters.capture.values import Convert, Wire, converter, to_date

UNITS: Mapping[str, str] = {
    "ms": "io.debezium.time.Timestamp",
    "us": "io.debezium.time.MicroTimestamp",
    "ns": "io.debezium.time.NanoTimestamp",
}
"""Unit that `source.toml` may name → the semantic name that says the same."""
_INSTANTS = (*UNITS.values(), "org.apache.kafka.connect.data.Timestamp")
_PER_MICROSECOND: Mapping[str, tuple[int, int]] = {
    "io.debezium.time.Time": (1000, 1),
    "org.apache.kafka.connect.data.Time": (1000, 1),
    UNITS["ms"]: (1000, 1),
    "io.debezium.time.MicroTime": (1, 1),
    UNITS["us"]: (1, 1),
    "io.debezium.time.NanoTime": (1, 1000),
    UNITS["ns"]: (1, 1000),
    "io.debezium.time.MicroDuration": (1, 1),
}
_GEOMETRIES = ("io.debezium.data.geometry.", "io.debezium.data.Vector")
_INTERVAL = re.compile(r"-?P[-\dYMWDTHS.]+")
_UNSIGNED = re.compile(r"numeric\(20(,0)?\)")
_DAY = 86_400_000_000


def converter_of(type_: str, wire: Wire, unit: str | None = None) -> Convert:
    """How values of a column of this type are made (`format_type` of PostgreSQL says which).

    `unit` is that of times in integers, for records without a schema. What is made may be text
    that PostgreSQL reads.
    """
    if wire.name is not None and wire.name.startswith(_GEOMETRIES):
        return _refuse(wire.name)
    if wire.name is None and unit is not None:
        wire = Wire(UNITS[unit], wire.scale)
    known = _KINDS.get(plain(type_))
    return _text if known is None else known(wire, type_)


def plain(type_: str) -> str:
    """A type without its lengths: `timestamp(3) without time zone` → the same without (3)."""
    return re.sub(r"\(.*?\)", "", type_).replace("  ", " ").strip()


def _refuse(name: str) -> Convert:
    def refuse(_: object) -> object:
        raise ValueError(f"{name} can't be kept: leave the column out of the table's columns")

    return refuse


def _integer(wire: Wire, _: str) -> Convert:
    def to_integer(value: Any) -> int:
        if isinstance(value, int):
            return int(value)
        if wire.scale is None and isinstance(value, str):
            return int(value)
        number = _of_decimal(wire)(value)
        if number != number.to_integral_value():
            raise ValueError(f"{value!r} is no whole number")
        return int(number)

    return to_integer


def _of_decimal(wire: Wire) -> Callable[[Any], Decimal]:
    convert = converter(Kind.DECIMAL, wire, "")
    assert convert is not None  # noqa: S101 - what the kind promises
    return convert  # type: ignore[return-value]


def _numeric(wire: Wire, type_: str) -> Convert:
    decimal = _of_decimal(wire)
    is_unsigned = _UNSIGNED.fullmatch(type_) is not None

    def to_decimal(value: Any) -> Decimal:
        number = decimal(value)
        # bigint.unsigned.handling.mode=long, the default: past 2^63 it comes as a negative number
        return number + (1 << 64) if is_unsigned and number < 0 else number

    return to_decimal


def _float(wire: Wire, _: str) -> Convert:
    convert = converter(Kind.FLOAT, wire, "")
    assert convert is not None  # noqa: S101 - what the kind promises
    return convert


def _boolean(_: Wire, __: str) -> Convert:
    def to_boolean(value: object) -> bool:
        if value in (0, 1):  # True and False are these
            return bool(value)
        text = str(value).lower()
        if text in ("0", "1", "true", "false"):
            return text in ("1", "true")
        raise ValueError(f"{value!r} is no boolean: give the column smallint as its type")

    return to_boolean


def _date(wire: Wire, _: str) -> Convert:
    if wire.name in _INSTANTS:
        instant = _instants(wire)

        def to_day(value: Any) -> object:
            made = instant(value)
            return made.date() if isinstance(made, datetime) else made

        return to_day
    return lambda value: _infinity(value) or to_date(value)


def _instant(wire: Wire, _: str) -> Convert:
    return _instants(wire)


def _instants(wire: Wire) -> Convert:
    convert = converter(Kind.INSTANT, wire, "")
    assert convert is not None  # noqa: S101 - what the kind promises
    return lambda value: _infinity(value) or convert(value)


def _infinity(value: object) -> str | None:
    """PostgreSQL's infinite times, which its own column holds as well."""
    if value in ("infinity", 9223372036825200000):
        return "infinity"
    return "-infinity" if value in ("-infinity", -9223372036832400000) else None


def _microseconds(value: int, wire: Wire) -> int:
    if wire.name is None or wire.name not in _PER_MICROSECOND:
        raise ValueError(f"{value} has no unit: nothing says if it is ms, µs or ns")
    times, per = _PER_MICROSECOND[wire.name]
    return value * times // per


def _time(wire: Wire, _: str) -> Convert:
    def to_time(value: Any) -> object:
        if not isinstance(value, int):
            return str(value).removesuffix("Z")
        micros = _microseconds(value, wire)
        if micros == _DAY:
            return "24:00:00"
        if not 0 <= micros < _DAY:
            raise ValueError(f"{value} is no time of a day: give the column interval as its type")
        seconds, micro = divmod(micros, 1_000_000)
        return time(seconds // 3600, seconds // 60 % 60, seconds % 60, micro)

    return to_time


def _interval(wire: Wire, _: str) -> Convert:
    def to_interval(value: Any) -> str:
        if isinstance(value, int):
            return f"{_microseconds(value, wire)} microseconds"
        if isinstance(value, float | Decimal):  # MicroDuration of Oracle
            return f"{_microseconds(int(value), wire)} microseconds"
        text = str(value)
        return text if _INTERVAL.fullmatch(text) else text.removesuffix("Z")

    return to_interval


def _bytes(_: Wire, __: str) -> Convert:
    def to_bytes(value: object) -> bytes:
        try:
            return base64.b64decode(str(value), validate=True)
        except binascii.Error:
            raise ValueError(f"{value!r} is no base64") from None

    return to_bytes


def _document(_: Wire, __: str) -> Convert:
    return lambda value: value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _text(value: object) -> object:
    """Text, and whatever PostgreSQL reads from text; arrays stay lists."""
    if isinstance(value, str) and "\0" not in value:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    text = value if isinstance(value, list) else str(value)
    if isinstance(text, str) and "\0" in text:
        raise ValueError("it holds a NUL character, which PostgreSQL can't keep")
    return text


_KINDS: Mapping[str, Callable[[Wire, str], Convert]] = {
    "smallint": _integer,
    "integer": _integer,
    "bigint": _integer,
    "numeric": _numeric,
    "real": _float,
    "double precision": _float,
    "boolean": _boolean,
    "date": _date,
    "timestamp with time zone": _instant,
    "timestamp without time zone": _instant,
    "time without time zone": _time,
    "interval": _interval,
    "bytea": _bytes,
    "json": _document,
    "jsonb": _document,
}
"""Type of a replica's column → how its values are made; any other is given as text."""

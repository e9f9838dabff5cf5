"""Column values: from the forms in which Debezium sends them to the Python types of a `Change`.

Explicit schema names decide where a record has them; else the connector's defaults do (time in ISO
text under `time.precision.mode=isostring`, which our settings ask for; integers mean days, and
microseconds from PostgreSQL, nanoseconds from SQL Server).
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from adapters.capture.columns import Kind

Convert = Callable[[Any], object]
"""Makes a value that isn't null; raises `ValueError` saying what is wrong with it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FAR_YEAR = re.compile(r"[+-]?\d{5,}-|-\d{4}-|-?infinity$")
_POSTGRES_INFINITIES = frozenset({9223372036825200000, -9223372036832400000})

_PER_MICROSECOND: Mapping[str, tuple[int, int]] = {
    "io.debezium.time.Timestamp": (1000, 1),
    "org.apache.kafka.connect.data.Timestamp": (1000, 1),
    "io.debezium.time.MicroTimestamp": (1, 1),
    "io.debezium.time.NanoTimestamp": (1, 1000),
}
_INTEGER_INSTANTS: Mapping[str, str] = {
    "postgresql": "io.debezium.time.MicroTimestamp",
    "sqlserver": "io.debezium.time.NanoTimestamp",
}

_json = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Wire:
    """How a column is sent: the names of Kafka Connect's schema, or nothing without one."""

    name: str | None = None
    """Semantic name: `io.debezium.time.Date`."""
    scale: int | None = None
    """Of a decimal in bytes."""


def converter(kind: Kind, wire: Wire, connector: str) -> Convert | None:
    """How values of a kind are made; None where they are sent as they are."""
    if kind is Kind.INSTANT:
        return _instant(wire.name or _INTEGER_INSTANTS.get(connector, ""))
    if kind is Kind.DECIMAL:
        return _decimal(wire)
    if kind is Kind.FLOAT:
        decimal = _decimal(wire)
        return lambda value: value if isinstance(value, float) else float(decimal(value))
    return _CONVERTERS.get(kind)


def to_date(value: object) -> date | None:
    """From days since 1970 or ISO text, with or without a zone or a time of day.

    PostgreSQL's infinite dates lie outside of Python's years: they bound nothing, so None.
    """
    if isinstance(value, int):
        day = value + _EPOCH_DAY
        return date.fromordinal(day) if 0 < day <= date.max.toordinal() else None
    text = str(value)
    if _is_beyond(text):
        return None
    if text[10:11] not in ("", "Z", "+", "-", "T", " "):
        raise ValueError(f"{text!r} is no date")
    return date.fromisoformat(text[:10])


def _is_beyond(text: str) -> bool:
    """Whether an ISO text has a year Python can't hold, as PostgreSQL's infinities have."""
    return _FAR_YEAR.match(text) is not None


def _instant(name: str) -> Convert:
    def to_instant(value: object) -> datetime | None:
        if isinstance(value, int):
            if value in _POSTGRES_INFINITIES:
                return None
            if name not in _PER_MICROSECOND:
                raise ValueError(f"{value} has no unit: nothing says if it is ms, µs or ns")
            times, per = _PER_MICROSECOND[name]
            return _EPOCH + timedelta(microseconds=value * times // per)
        text = str(value)
        if _is_beyond(text):
            return None
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)

    return to_instant


def _decimal(wire: Wire) -> Callable[[Any], Decimal]:
    def from_bytes(text: str, scale: int) -> Decimal:
        try:
            raw = base64.b64decode(text, validate=True)
        except binascii.Error:
            raise ValueError(f"{text!r} is no decimal in base64") from None
        return Decimal(int.from_bytes(raw, "big", signed=True)).scaleb(-scale)

    def to_decimal(value: object) -> Decimal:
        if isinstance(value, dict):
            try:
                return from_bytes(value["value"], value["scale"])
            except (KeyError, TypeError):
                raise ValueError(f"{value!r} is no decimal of the form scale, value") from None
        if isinstance(value, str) and wire.scale is not None:
            return from_bytes(value, wire.scale)
        try:
            return Decimal(str(value))
        except InvalidOperation:
            raise ValueError(
                f"{value!r} is no number; a decimal in bytes needs its schema, or set "
                "decimal.handling.mode=string on the connector"
            ) from None

    return to_decimal


def _boolean(value: bool | int) -> bool:
    if value in (0, 1):
        return bool(value)
    raise ValueError(f"{value!r} is no boolean")


def _texts(value: object) -> list[str]:
    """From an array, or from the JSON text in which a database without arrays keeps one."""
    members = _document(value) if isinstance(value, str) else value
    if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
        raise ValueError(f"{value!r} is no list of texts")
    return members


def _document(value: object) -> object:
    """A JSON document, from its text or as it is."""
    if not isinstance(value, str):
        return value
    try:
        return _json.decode(value)
    except msgspec.DecodeError as problem:
        raise ValueError(f"it holds no JSON document: {problem}") from None


_CONVERTERS: Mapping[Kind, Convert] = {
    Kind.DATE: to_date,
    Kind.BOOLEAN: _boolean,
    Kind.TEXTS: _texts,
    Kind.JSON: _document,
}

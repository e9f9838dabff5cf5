"""Column values: from the forms in which Debezium sends them to the Python types of a `Change`.

Explicit schema names decide where a record has them; else the connector's defaults do (time in ISO
text under `time.precision.mode=isostring`, which our settings ask for; integers mean days, and
microseconds from PostgreSQL, nanoseconds from SQL Server).

PostgreSQL's times reach further than the years 1 to 9999 that events hold: infinities, years before
Christ, years of five digits. Of a bound they are kept as what they mean (`LATEST`, `EARLIEST`, or
none); any other date or instant can't be told truly, and its record is unusable. They come as
Debezium writes them (`infinity`, `-0043-03-15`, `+292278994-08-17T…`) and as PostgreSQL itself does
(`0044-03-15 BC`, `10000-01-01`).
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
LATEST = datetime(9999, 12, 31, tzinfo=UTC)
"""Of a bound below: never. A day before the last that events hold, so that every zone has it."""
EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
"""Of a bound above: over since ever."""
_LATE = re.compile(r"\+?\d{5,}-|\+?infinity$")
_EARLY = re.compile(r"-\d{4,}-|0000-|-infinity$|.* BC$", re.DOTALL)
_POSTGRES_INFINITIES = frozenset({9223372036825200000, -9223372036832400000})
_ARRAY_OF_ARRAYS = re.compile(r"\[+L[\w.$]+;@[0-9a-f]+$")
"""What Java says of an array instead of its members: Debezium sends it for arrays of arrays."""

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
    if kind in (Kind.INSTANT, Kind.BEGIN, Kind.END):
        instant = _instant(wire.name or _INTEGER_INSTANTS.get(connector, ""))
        return instant if kind is Kind.INSTANT else _bound(instant, is_begin=kind is Kind.BEGIN)
    if kind is Kind.DECIMAL:
        return _decimal(wire)
    if kind is Kind.FLOAT:
        decimal = _decimal(wire)
        return lambda value: value if isinstance(value, float) else float(decimal(value))
    return _CONVERTERS.get(kind)


class Beyond(ValueError):
    """A time outside of the years that events hold."""

    def __init__(self, value: object, *, is_late: bool) -> None:
        super().__init__(f"{value!r} is beyond the years 1 to 9999, which events hold")
        self.is_late = is_late
        """After them; else before."""


def to_date(value: object) -> date:
    """From days since 1970 or ISO text, with or without a zone or a time of day.

    Raises Beyond for what lies outside of the years 1 to 9999, ValueError for what is no date.
    """
    if isinstance(value, int):
        day = value + _EPOCH_DAY
        if not 0 < day <= date.max.toordinal():
            raise Beyond(value, is_late=day > 0)
        return date.fromordinal(day)
    text = str(value)
    _refuse_beyond(text)
    if text[10:11] not in ("", "Z", "+", "-", "T", " "):
        raise ValueError(f"{text!r} is no date")
    return date.fromisoformat(text[:10])


def _refuse_beyond(text: str) -> None:
    """Raise Beyond for a text with a year that Python can't hold."""
    if _EARLY.match(text):
        raise Beyond(text, is_late=False)
    if _LATE.match(text):
        raise Beyond(text, is_late=True)


def _bound(instant: Callable[[Any], datetime], *, is_begin: bool) -> Convert:
    def to_bound(value: object) -> datetime | None:
        try:
            return instant(value)
        except Beyond as beyond:
            if beyond.is_late is is_begin:
                return LATEST if is_begin else EARLIEST
            return None

    return to_bound


def _instant(name: str) -> Callable[[Any], datetime]:
    def to_instant(value: object) -> datetime:
        if isinstance(value, int):
            if value in _POSTGRES_INFINITIES:
                raise Beyond(value, is_late=value > 0)
            if name not in _PER_MICROSECOND:
                raise ValueError(f"{value} has no unit: nothing says if it is ms, µs or ns")
            times, per = _PER_MICROSECOND[name]
            try:
                return _EPOCH + timedelta(microseconds=value * times // per)
            except OverflowError:
                raise Beyond(value, is_late=value > 0) from None
        text = str(value)
        if text[:1] not in "12" or text[4:5] != "-" or text.endswith(" BC"):
            _refuse_beyond(text)
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            return instant.replace(tzinfo=UTC)
        try:
            return instant.astimezone(UTC)
        except OverflowError:
            raise Beyond(value, is_late=instant.year > 1) from None

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
    if "[" in "".join(members) and any(map(_ARRAY_OF_ARRAYS.match, members)):
        raise ValueError(f"{value!r} stands for an array of arrays, which capture doesn't send")
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

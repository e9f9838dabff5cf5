"""Values as each connector sends them, in the replica's column.

Forms after Debezium's documentation of each connector, "Data type mappings": with a schema in
`adaptive` and `connect` modes, without one as the connector settings that we ship ask for.
"""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from adapters.capture.values import Wire
from adapters.source.values import converter_of

LOCAL, ZONED = "timestamp without time zone", "timestamp with time zone"
TIME = "io.debezium.time."
DECIMAL = Wire("org.apache.kafka.connect.data.Decimal", 4)
VARIABLE = Wire("io.debezium.data.VariableScaleDecimal")
CONNECT_TIME = Wire("org.apache.kafka.connect.data.Time")
GUID = "0E7B1A2C-0000-4000-8000-00000000000A"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
MILLIS = MOMENT.replace(microsecond=678000)


@pytest.mark.parametrize(
    ("type_", "wire", "sent", "kept"),
    [
        # MariaDB, MySQL
        ("smallint", Wire(), 1, 1),
        ("smallint", Wire(), True, 1),
        ("boolean", Wire(), 1, True),
        ("boolean", Wire(), "0", False),
        (LOCAL, Wire(TIME + "Timestamp"), 1767323045678, MILLIS),
        (LOCAL, Wire(TIME + "MicroTimestamp"), 1767323045678901, MOMENT),
        (LOCAL, Wire(), "2026-01-02T03:04:05.678901Z", MOMENT),
        (ZONED, Wire(TIME + "ZonedTimestamp"), "2026-01-02T03:04:05.678901Z", MOMENT),
        ("numeric(20,0)", Wire(), 18, Decimal(18)),
        ("numeric(20,0)", Wire(), -1, Decimal(18446744073709551615)),
        ("numeric(20,0)", Wire(DECIMAL.name, 0), "AJoymK+1rHHH", Decimal("11111111111111111111")),
        ("numeric", Wire(), "9.90", Decimal("9.90")),
        ("numeric", Wire(), 9.9, Decimal("9.9")),
        ("text", Wire("io.debezium.data.Enum"), "single", "single"),
        ("text", Wire("io.debezium.data.EnumSet"), "mp3,flac", "mp3,flac"),
        ("integer", Wire(TIME + "Year"), 2026, 2026),
        ("jsonb", Wire("io.debezium.data.Json"), '{"a": 1}', '{"a": 1}'),
        ("interval", Wire(TIME + "MicroTime"), -3_600_000_000, "-3600000000 microseconds"),
        ("interval", Wire(), "838:59:59", "838:59:59"),
        ("bytea", Wire("io.debezium.data.Bits"), "AQ==", b"\1"),
        # SQL Server
        (LOCAL, Wire(TIME + "NanoTimestamp"), 1767323045678901200, MOMENT),
        (ZONED, Wire(TIME + "ZonedTimestamp"), "2026-01-02T05:04:05.678901+02:00", MOMENT),
        ("numeric", DECIMAL, "AYag", Decimal("10.0000")),
        ("uuid", Wire(), GUID, GUID),
        ("boolean", Wire(), True, True),
        ("bytea", Wire(), "AAAAAAAAB9E=", b"\0\0\0\0\0\0\7\xd1"),
        ("time without time zone", Wire(TIME + "NanoTime"), 11045678901200, time(3, 4, 5, 678901)),
        ("time without time zone", Wire(), "03:04:05.678901Z", "03:04:05.678901"),
        # Oracle
        ("numeric", VARIABLE, {"scale": 2, "value": "AJY="}, Decimal("1.50")),
        ("integer", Wire(), "12", 12),
        ("integer", Wire(DECIMAL.name, 0), "DA==", 12),
        (LOCAL, Wire(TIME + "Timestamp"), 1767323045000, MILLIS.replace(microsecond=0)),
        ("date", Wire(TIME + "Timestamp"), 1767323045000, date(2026, 1, 2)),
        ("interval", Wire(TIME + "Interval"), "P1Y2M3DT4H5M6.78S", "P1Y2M3DT4H5M6.78S"),
        ("interval", Wire(TIME + "MicroDuration"), 93784000000.0, "93784000000 microseconds"),
        ("text", Wire("io.debezium.data.Xml"), "<a/>", "<a/>"),
        # Kafka Connect's own, time.precision.mode=connect
        (LOCAL, Wire("org.apache.kafka.connect.data.Timestamp"), 1767323045678, MILLIS),
        ("date", Wire("org.apache.kafka.connect.data.Date"), 20455, date(2026, 1, 2)),
        ("time without time zone", CONNECT_TIME, 11045000, time(3, 4, 5)),
        # PostgreSQL
        (LOCAL, Wire(), "infinity", "infinity"),
        ("date", Wire(), "-infinity", "-infinity"),
        ("time without time zone", Wire(TIME + "MicroTime"), 86_400_000_000, "24:00:00"),
        ("character varying(20)", Wire(), "A", "A"),
    ],
)  # fmt: skip
def test_values(type_: str, wire: Wire, sent: object, kept: object) -> None:
    assert converter_of(type_, wire)(sent) == kept


def test_a_unit_counts_where_no_schema_says_it() -> None:
    assert converter_of(LOCAL, Wire(), "us")(1767323045678901) == MOMENT
    named = Wire(TIME + "Timestamp")
    assert converter_of(LOCAL, named, "us")(1767323045678) == MILLIS
    assert converter_of("time without time zone", Wire(), "ms")(11045000) == time(3, 4, 5)


@pytest.mark.parametrize(
    ("type_", "wire", "sent", "why"),
    [
        (LOCAL, Wire(), 1767323045678, "no unit"),
        ("time without time zone", Wire(), 5, "no unit"),
        ("time without time zone", Wire(TIME + "MicroTime"), -1, "give the column interval"),
        ("boolean", Wire(), 2, "give the column smallint"),
        ("integer", Wire(), "1.5", "invalid literal"),
        ("integer", Wire(), Decimal("1.5"), "no whole number"),
        ("numeric", Wire(), "AJY=", "decimal.handling.mode=string"),
        ("bytea", Wire(), "?", "no base64"),
        ("text", Wire(), "a\0b", "NUL"),
        ("bytea", Wire("io.debezium.data.geometry.Geometry"), {"wkb": "AA=="}, "leave the column"),
    ],
)
def test_what_has_no_certain_meaning_is_refused(
    type_: str, wire: Wire, sent: object, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        converter_of(type_, wire)(sent)

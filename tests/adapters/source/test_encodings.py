"""The forms of a record, as the converters and transforms of Kafka Connect write them.

The records are written after Debezium's documentation: "New Record State Extraction", "Exporting
CloudEvents", "Avro Serialization".
"""

import base64
import io
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import fastavro
import pytest

from adapters.event_log.avro.wire import UnknownSchemaId, header
from adapters.source.records import Captured, KnownTable, SourceReader
from adapters.source.replica import RowChange
from domain.changes import Operation
from projections.ports.change_reader import NoPosition, Skip, Undecodable

TOPIC = "erp.catalog.release"
TABLE = KnownTable(
    ("release_id",),
    {
        "release_id": "bigint",
        "title": "text",
        "price": "numeric",
        "released": "date",
        "changed": "timestamp without time zone",
        "cover": "bytea",
    },
)
EXPECTED = {
    "release_id": 7,
    "title": "A",
    "price": Decimal("1.50"),
    "released": date(2026, 1, 2),
    "changed": datetime(2026, 1, 2, 3, 4, 5, 678000, UTC),
    "cover": b"\0\1",
}
SOURCE = {
    "version": "3.6.1.Final",
    "connector": "mariadb",
    "name": "erp",
    "ts_ms": 1795375422015,
    "snapshot": "false",
    "db": "catalog",
    "sequence": None,
    "table": "release",
    "server_id": 223344,
    "gtid": "0-1-7",
    "file": "mariadb-bin.000003",
    "pos": 570,
    "row": 0,
    "thread": None,
    "query": None,
}
POSITION = "0000000000000003-000000000000023A-00000000/gtid:0-1-7"


class Registry(dict[int, str]):
    """Schemas by their ids."""

    def schema_text(self, schema_id: int) -> str:
        try:
            return self[schema_id]
        except KeyError:
            raise UnknownSchemaId(f"no schema has id {schema_id}") from None


def connect_avro(name: str, type_: str, connect: str | None, **parameters: str) -> dict[str, Any]:
    """A field as AvroConverter writes an optional one."""
    if connect is None:
        return {"name": name, "type": ["null", type_], "default": None}
    named = {"type": type_, "connect.version": 1, "connect.name": connect}
    if parameters:
        named["connect.parameters"] = parameters
    return {"name": name, "type": ["null", named], "default": None}


COLUMNS = [
    {"name": "release_id", "type": "long"},
    connect_avro("title", "string", None),
    {
        "name": "price",
        "type": [
            "null",
            {
                "type": "bytes",
                "scale": 2,
                "precision": 10,
                "connect.version": 1,
                "connect.parameters": {"scale": "2", "connect.decimal.precision": "10"},
                "connect.name": "org.apache.kafka.connect.data.Decimal",
                "logicalType": "decimal",
            },
        ],
        "default": None,
    },
    connect_avro("released", "int", "io.debezium.time.Date"),
    connect_avro("changed", "long", "io.debezium.time.Timestamp"),
    connect_avro("cover", "bytes", None),
]
VALUE = {"type": "record", "name": "Value", "namespace": "erp.catalog.release", "fields": COLUMNS}
SOURCE_RECORD = {
    "type": "record",
    "name": "Source",
    "namespace": "io.debezium.connector.mariadb",
    "fields": [
        {"name": name, "type": ["null", "long" if isinstance(value, int) else "string"]}
        for name, value in SOURCE.items()
    ],
}
ENVELOPE = {
    "type": "record",
    "name": "Envelope",
    "namespace": "erp.catalog.release",
    "fields": [
        {"name": "before", "type": ["null", VALUE], "default": None},
        {"name": "after", "type": ["null", "Value"], "default": None},
        {"name": "source", "type": SOURCE_RECORD},
        {"name": "op", "type": "string"},
        {"name": "ts_ms", "type": ["null", "long"], "default": None},
    ],
}
KEY = {"type": "record", "name": "Key", "fields": [{"name": "release_id", "type": "long"}]}
DATA = {
    "type": "record",
    "name": "Data",
    "namespace": "erp.catalog.release",
    "fields": [
        {"name": "before", "type": ["null", VALUE], "default": None},
        {"name": "after", "type": ["null", "Value"], "default": None},
    ],
}
CLOUD_EVENT: Mapping[str, Any] = {
    "id": "name:erp;file:mariadb-bin.000003;pos:570",
    "source": "/debezium/mariadb/erp",
    "specversion": "1.0",
    "type": "io.debezium.connector.mariadb.DataChangeEvent",
    "time": "2026-11-22T19:23:42.015Z",
    "datacontenttype": "application/json",
    "iodebeziumop": "c",
    "iodebeziumversion": "3.6.1.Final",
    "iodebeziumconnector": "mariadb",
    "iodebeziumname": "erp",
    "iodebeziumtsms": "1795375422015",
    "iodebeziumsnapshot": "false",
    "iodebeziumdb": "catalog",
    "iodebeziumtable": "release",
    "iodebeziumgtid": "0-1-7",
    "iodebeziumfile": "mariadb-bin.000003",
    "iodebeziumpos": "570",
    "iodebeziumrow": 0,
}
CLOUD_RECORD = {
    "type": "record",
    "name": "CloudEvent",
    "fields": [
        {"name": name, "type": "long" if isinstance(value, int) else "string"}
        for name, value in CLOUD_EVENT.items()
    ]
    + [{"name": "data", "type": "bytes"}],
}
REGISTRY = Registry(
    {
        1: json.dumps(ENVELOPE),
        2: json.dumps(VALUE),
        3: json.dumps(KEY),
        4: json.dumps(DATA),
        5: json.dumps(CLOUD_RECORD),
        6: 'syntax = "proto3";\npackage erp;\nmessage Envelope { string op = 1; }',
        7: json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}),
        8: json.dumps("string"),
    }
)
AVRO_ROW = {
    "release_id": 7,
    "title": "A",
    "price": Decimal("1.50"),
    "released": 20455,
    "changed": 1767323045678,
    "cover": b"\0\1",
}
JSON_ROW = {**AVRO_ROW, "price": "AJY=", "cover": "AAE="}
JSON_FIELDS = [
    {"type": "int64", "optional": False, "field": "release_id"},
    {"type": "string", "optional": True, "field": "title"},
    {
        "type": "bytes",
        "optional": True,
        "name": "org.apache.kafka.connect.data.Decimal",
        "version": 1,
        "parameters": {"scale": "2", "connect.decimal.precision": "10"},
        "field": "price",
    },
    {"type": "int32", "name": "io.debezium.time.Date", "version": 1, "field": "released"},
    {"type": "int64", "name": "io.debezium.time.Timestamp", "version": 1, "field": "changed"},
    {"type": "bytes", "optional": True, "field": "cover"},
]
PLAIN_ROW = {
    **JSON_ROW,
    "price": "1.50",
    "released": "2026-01-02Z",
    "changed": "2026-01-02T03:04:05.678Z",
}
FLAT = {
    **PLAIN_ROW,
    "__op": "c",
    "__table": "release",
    "__connector": "mariadb",
    "__source_ts_ms": 1795375422015,
    "__gtid": "0-1-7",
    "__file": "mariadb-bin.000003",
    "__pos": 570,
    "__row": 0,
    "__deleted": "false",
}


def avro(schema_id: int, content: Any) -> bytes:
    body = io.BytesIO()
    schema = fastavro.parse_schema(json.loads(REGISTRY[schema_id]))
    fastavro.schemaless_writer(body, schema, content)
    return header(schema_id) + body.getvalue()


def text(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def read(
    value: bytes | None, key: bytes | None = None, *, exactly_once: bool = True
) -> Captured | Skip:
    reader = SourceReader({"release": TABLE}, schemas=REGISTRY, is_exactly_once=exactly_once)
    return reader.read(TOPIC, 0, 3, key, value)


def schema_of(*fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "struct", "fields": list(fields), "optional": False}


SIDES = [{"type": "struct", "fields": JSON_FIELDS, "field": side} for side in ("before", "after")]
FORMS = {
    "json": text({"before": None, "after": PLAIN_ROW, "source": SOURCE, "op": "c", "ts_ms": 1}),
    "json with schema": text(
        {
            "schema": schema_of(*SIDES, {"type": "string", "field": "op"}),
            "payload": {"before": None, "after": JSON_ROW, "source": SOURCE, "op": "c"},
        }
    ),
    "avro": avro(1, {"after": AVRO_ROW, "source": SOURCE, "op": "c"}),
    "flat": text(FLAT),
    "flat with schema": text({"schema": schema_of(*JSON_FIELDS), "payload": {**FLAT, **JSON_ROW}}),
    "cloud event": text({**CLOUD_EVENT, "data": {"before": None, "after": PLAIN_ROW}}),
    "cloud event, data with schema": text(
        {**CLOUD_EVENT, "data": {"schema": schema_of(*SIDES), "payload": {"after": JSON_ROW}}}
    ),
    "cloud event, data in avro": text(
        {
            **CLOUD_EVENT,
            "datacontenttype": "application/avro",
            "dataschema": "http://registry/schemas/ids/4",
            "data": base64.b64encode(avro(4, {"after": AVRO_ROW})).decode(),
        }
    ),
    "cloud event in avro": avro(5, {**CLOUD_EVENT, "data": avro(4, {"after": AVRO_ROW})}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(form: str) -> None:
    found = read(FORMS[form])
    assert isinstance(found, Captured)
    assert found.change == RowChange("release", (7,), EXPECTED)
    assert found.seen is not None
    assert found.seen.operation is Operation.INSERT
    assert found.seen.position == POSITION
    assert found.seen.committed_at == datetime.fromtimestamp(1795375422.015, UTC)


REMOVED = {
    "json": text({"before": PLAIN_ROW, "after": None, "source": SOURCE, "op": "d"}),
    "avro": avro(1, {"before": AVRO_ROW, "source": SOURCE, "op": "d"}),
    "flat": text({**FLAT, "__op": "d", "__deleted": "true"}),
    "cloud event": text({**CLOUD_EVENT, "iodebeziumop": "d", "data": {"before": PLAIN_ROW}}),
}


@pytest.mark.parametrize("form", REMOVED)
def test_every_form_of_a_removal(form: str) -> None:
    found = read(REMOVED[form])
    assert isinstance(found, Captured)
    assert found.change == RowChange("release", (7,), None)
    assert found.seen is not None
    assert found.seen.operation is Operation.DELETE


KEYS = {
    "json": text({"release_id": 7}),
    "json with schema": text({"schema": schema_of(JSON_FIELDS[0]), "payload": {"release_id": 7}}),
    "json, another case": text({"Release_Id": 7}),
    "avro": avro(3, {"release_id": 7}),
    "bare number": b"7",
    "bare text": b'"7"',
    "text in avro": avro(8, "7"),
    "struct as text": b"Struct{release_id=7}",
}


@pytest.mark.parametrize("form", KEYS)
def test_a_tombstone_removes_its_key_where_nothing_else_may(form: str) -> None:
    found = read(None, KEYS[form], exactly_once=False)
    assert found == Captured(RowChange("release", (7,), None), None)


def test_a_key_of_several_columns_as_text() -> None:
    types = {"id": "bigint", "label": "text"}
    reader = SourceReader({"release": KnownTable(("id", "label"), types)}, is_exactly_once=False)
    found = reader.read(TOPIC, 0, 0, b"Struct{id=7,label=Ark, Inc}", None)
    assert found == Captured(RowChange("release", (7, "Ark, Inc"), None), None)
    with pytest.raises(Undecodable, match="not of id, label"):
        reader.read(TOPIC, 0, 0, b"7", None)


def test_a_tombstone_is_left_out_where_changes_have_positions() -> None:
    assert read(None, KEYS["json"]) == Skip("tombstone")


def test_flat_rows_without_positions_only_where_that_is_said() -> None:
    bare = text(PLAIN_ROW)
    with pytest.raises(
        NoPosition, match=r"looks like a flat row.*add.fields=op,table.*exactly_once"
    ):
        read(bare)
    found = read(bare, exactly_once=False)
    assert found == Captured(RowChange("release", (7,), EXPECTED), None)


@pytest.mark.parametrize(
    "without", ["__op", "__deleted", "__connector", "__source_ts_ms", "__file"]
)
def test_flat_rows_that_could_lose_something_are_refused(without: str) -> None:
    with pytest.raises(NoPosition):
        read(text({name: value for name, value in FLAT.items() if name != without}))


def test_the_lsn_of_a_flat_row_of_postgresql_is_no_order_of_commits() -> None:
    named = {**FLAT, "__connector": "postgresql", "__lsn": 29274832}
    with pytest.raises(NoPosition, match=r"source\.ts_ms,sequence"):
        read(text(named))
    found = read(text({**named, "__sequence": '["29274830","29274832"]'}))
    assert isinstance(found, Captured)
    assert found.seen is not None
    assert found.seen.position == "0000000001BEB2CE-0000000001BEB2D0"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (header(6) + b"\0abc", "looks like Protobuf .schema id 6.*AvroConverter or JsonConverter"),
        (header(7) + b"{}", "looks like JSON with a JSON Schema.*AvroConverter or JsonConverter"),
        (header(8) + b"\x02a", "no Avro record"),
        (header(1) + b"\xff\xff", "not Avro of schema id 1"),
        (avro(2, AVRO_ROW) + b"\0", "1 bytes follow"),
        (b"\0\0", "Confluent's wire format"),
        (b"<xml/>", "no JSON object"),
        (b"[1]", "no JSON object"),
        (text({**CLOUD_EVENT, "data": "?"}), "no base64"),
        (text({**CLOUD_EVENT, "data": 1}), "no change of a row"),
        (
            text({"specversion": "1.0", "data": {"after": PLAIN_ROW}}),
            "extension.attributes.enable=true",
        ),
        (text({"schema": {"fields": []}, "payload": json.loads(FORMS["json"])}), "no fields"),
    ],
)
def test_what_cannot_be_read_says_what_it_looks_like(value: bytes, why: str) -> None:
    with pytest.raises(Undecodable, match=why):
        read(value)


def test_avro_without_a_registry_says_what_to_set() -> None:
    with pytest.raises(Undecodable, match=r"looks like Avro.*CATALOG_REGISTRY__URL"):
        SourceReader({"release": TABLE}).read(TOPIC, 0, 0, None, FORMS["avro"])
    with pytest.raises(UnknownSchemaId, match="no schema has id 99"):
        read(header(99) + b"abc")

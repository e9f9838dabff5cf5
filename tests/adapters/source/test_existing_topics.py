"""Topics that somebody else's connector fills: SQL Server's in JSON, Oracle's in Avro, looked up.

No server is to be had of either, so the records are written after Debezium's documentation of the
connectors (data change events, data type mappings); everything behind the connector is real.
"""

import io
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import fastavro
import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from adapters.composition import clients
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.composition.wiring import event_log
from adapters.event_log.avro.wire import header
from adapters.read_database.gate import name_generation
from adapters.source import batch, inspection, replica
from adapters.source.definition import Source
from adapters.source.folder import parse
from adapters.source.lifecycle import catch_up, settle
from adapters.source.mapping import prepare
from tests.adapters.ingestion.master import Master
from tests.availability.asking import Asker
from tests.databases import MASTER, READ_CATALOG, Databases
from tests.master_to_read import carry

pytestmark = pytest.mark.integration

UPC, ISRC = "299700000018", "QZ5AD2600001"
RELEASE_SQL = "SELECT 'r-' || ReleaseId AS id, Title AS title, Added AS added_at FROM Release"
TRACK_SQL = (
    "SELECT 't-' || TrackId AS id, 'r-' || ReleaseId AS release_id, Title AS title,"
    " Number AS track_number FROM Track"
)
IDENTIFIER_SQL = (
    "SELECT 'u-' || ReleaseId AS id, 'release' AS owner_type, 'r-' || ReleaseId AS owner_id,"
    " 'upc' AS scheme, Upc AS value_raw FROM Release"
    " UNION ALL SELECT 'i-' || TrackId, 'track', 't-' || TrackId, 'isrc', Isrc FROM Track"
)
DEAL_SQL = (
    "SELECT 'd-' || ReleaseId AS id, 'r-' || ReleaseId AS release_id,"
    " 'PayAsYouGoModel' AS commercial_model, 'PermanentDownload' AS use_type,"
    " Starts AS valid_from, ARRAY['GB'] AS territories, jsonb_build_array(jsonb_build_object("
    "'amount', Price::text, 'currency', 'GBP')) AS prices FROM Release"
)
SQL = {
    "release.sql": RELEASE_SQL,
    "track.sql": TRACK_SQL,
    "identifier.sql": IDENTIFIER_SQL,
    "deal.sql": DEAL_SQL,
}
SQL_SERVER = """
connector = "sqlserver"
database = "Catalog"
schema = "dbo"
topics = "{prefix}"
[tables.Release]
key = ["ReleaseId"]
[tables.Release.columns]
ReleaseId = "uniqueidentifier"
Title = "nvarchar(max)"
Upc = "varchar(14)"
Price = "money"
Active = "bit"
Added = "datetime2(7)"
Starts = "datetimeoffset(7)"
Version = "rowversion"
[tables.Track]
key = ["TrackId"]
[tables.Track.columns]
TrackId = "bigint"
ReleaseId = "uniqueidentifier"
Title = "nvarchar(max)"
Number = "tinyint"
Isrc = "char(12)"
"""
ORACLE = """
connector = "oracle"
database = "PDB1"
schema = "ERP"
topics = "{prefix}"
[tables.RELEASE]
key = ["RELEASEID"]
[tables.RELEASE.columns]
RELEASEID = "NUMBER"
TITLE = "CLOB"
UPC = "VARCHAR2(14)"
PRICE = "NUMBER(10,2)"
ADDED = "DATE"
STARTS = "TIMESTAMP(6) WITH TIME ZONE"
AGE = "INTERVAL YEAR(2) TO MONTH"
COVER = "RAW(16)"
[tables.TRACK]
key = ["TRACKID"]
[tables.TRACK.columns]
TRACKID = "NUMBER(18)"
RELEASEID = "NUMBER"
TITLE = "VARCHAR2(400)"
NUMBER = "NUMBER(3)"
ISRC = "CHAR(12)"
"""
GUID = "6F9619FF-8B86-D011-B42D-00C04FC964FF"


class Following:
    """A source over topics that exist, and a master of its own."""

    def __init__(
        self, settings: Settings, endpoints: Endpoints, databases: Databases, toml: str
    ) -> None:
        self.prefix = f"e{secrets.token_hex(4)}"
        files = {"source.toml": toml.replace("{prefix}", self.prefix), **SQL}
        self.source: Source = parse(files, "erp")
        self.endpoints, self.databases = endpoints, databases
        self.dsn = databases.create(MASTER)
        self.master = psycopg.connect(self.dsn, autocommit=True)
        self.log = event_log(settings, endpoints)
        columns = {t.name: t.columns for t in self.source.tables.values()}
        names = {table: list(of) for table, of in columns.items()}
        self.mappings = batch.in_order(prepare(m, names) for m in self.source.mappings.values())
        with self.master.transaction():
            replica.create(self.master, self.source, columns)
            replica.index(self.master, self.source, self.mappings)
        admin = AdminClient(dict(endpoints.kafka))
        topics = [NewTopic(self.source.topic_of(table), 1, 1) for table in self.source.tables]
        for answer in admin.create_topics(topics).values():
            answer.result(30)

    def send(self, table: str, values: Sequence[bytes | None]) -> None:
        producer = Producer(dict(self.endpoints.kafka))
        for value in values:
            producer.produce(self.source.topic_of(table), value, key=b"k")
        assert producer.flush(30) == 0

    def follow(self) -> dict[Any, str]:
        """Take everything in; returns what stopped."""
        with clients.registry(self.endpoints) as schemas:
            taken = catch_up(self.master, self.source, self.mappings, self.log, schemas=schemas)
        settle(self.master, self.source, self.mappings)
        return taken.stopped

    def row(self, question: str) -> tuple[Any, ...] | None:
        return self.master.execute(question.encode()).fetchone()

    def look_up(self, scheme: str, value: str) -> list[dict[str, Any]]:
        read = self.databases.create(READ_CATALOG)
        with psycopg.connect(read) as connection:
            name_generation(connection, "catalog", 1)
        carry(self.dsn, read)
        return Asker(Master(self.dsn), read).look_up(scheme, value, country="GB")


@pytest.fixture
def sql_server(settings: Settings, engines: Endpoints, databases: Databases) -> Iterator[Following]:
    opened = Following(settings, engines, databases, SQL_SERVER)
    yield opened
    opened.master.close()


@pytest.fixture
def oracle(settings: Settings, engines: Endpoints, databases: Databases) -> Iterator[Following]:
    opened = Following(settings, engines, databases, ORACLE)
    yield opened
    opened.master.close()


def field(name: str, type_: str, semantic: str = "", **more: object) -> dict[str, Any]:
    return {"field": name, "type": type_, "optional": True, "name": semantic or None, **more}


RELEASE_FIELDS = [
    field("ReleaseId", "string"),
    field("Title", "string"),
    field("Upc", "string"),
    field("Price", "bytes", "org.apache.kafka.connect.data.Decimal", parameters={"scale": "4"}),
    field("Active", "boolean"),
    field("Added", "int64", "io.debezium.time.NanoTimestamp"),
    field("Starts", "string", "io.debezium.time.ZonedTimestamp"),
    field("Version", "bytes"),
]
TRACK_FIELDS = [
    field("TrackId", "int64"),
    field("ReleaseId", "string"),
    field("Title", "string"),
    field("Number", "int16"),
    field("Isrc", "string"),
]


def changed(op: str, row: Mapping[str, Any], table: str, lsn: int) -> bytes:
    """A change of SQL Server, with its schema, in Debezium's default modes."""
    fields = RELEASE_FIELDS if table == "Release" else TRACK_FIELDS
    sides = [{"field": side, "type": "struct", "fields": fields} for side in ("before", "after")]
    source = {
        "version": "3.6.1.Final",
        "connector": "sqlserver",
        "name": "erp",
        "ts_ms": 1_795_375_422_000 + lsn,
        "snapshot": "false",
        "db": "Catalog",
        "sequence": None,
        "schema": "dbo",
        "table": table,
        "change_lsn": f"00000027:{lsn:08x}:0002",
        "commit_lsn": f"00000027:{lsn:08x}:0005",
        "event_serial_no": 1,
    }
    side = "before" if op == "d" else "after"
    payload = {"before": None, "after": None, side: row, "source": source, "op": op, "ts_ms": 1}
    return json.dumps({"schema": {"type": "struct", "fields": sides}, "payload": payload}).encode()


def test_sql_servers_topics_to_the_lookup(sql_server: Following) -> None:
    release = {
        "ReleaseId": GUID,
        "Title": "Ærø",
        "Upc": UPC,
        "Price": "AYag",
        "Active": True,
        "Added": 1767323045678901200,
        "Starts": "2026-01-02T05:04:05.678901+02:00",
        "Version": "AAAAAAAAB9E=",
    }
    track = {"TrackId": 1, "ReleaseId": GUID, "Title": "One", "Number": 3, "Isrc": ISRC}
    created = changed("c", release, "Release", 1)
    renamed = changed("u", {**release, "Title": "Renamed"}, "Release", 2)
    sql_server.send("release", [created, renamed, created, renamed])
    gone = {**track, "TrackId": 2}
    sql_server.send(
        "track",
        [
            changed("r", track, "Track", 1),
            changed("c", gone, "Track", 3),
            changed("d", gone, "Track", 4),
            None,
        ],
    )
    assert sql_server.follow() == {}
    (found,) = sql_server.look_up("upc", UPC)
    assert found["release"]["title"] == "Renamed"
    (found,) = sql_server.look_up("isrc", ISRC)
    assert found["track"]["track_number"] == 3
    row = sql_server.row(
        "SELECT releaseid::text, price::text, active, added::text, version FROM source_erp.release"
    )
    stamp = "2026-01-02 03:04:05.678901"
    assert row == (GUID.lower(), "10.0000", True, stamp, bytes.fromhex("00000000000007d1"))
    assert sql_server.row("SELECT count(*) FROM source_erp.track") == (1,)
    assert inspection.verify(sql_server.master, sql_server.source, sql_server.mappings) == []


def avro_field(name: str, type_: Any) -> dict[str, Any]:
    return {"name": name, "type": ["null", type_], "default": None}


def named(type_: str, semantic: str) -> dict[str, Any]:
    return {"type": type_, "connect.version": 1, "connect.name": semantic}


VARIABLE = {
    "type": "record",
    "name": "VariableScaleDecimal",
    "namespace": "io.debezium.data",
    "fields": [{"name": "scale", "type": "int"}, {"name": "value", "type": "bytes"}],
    "connect.name": "io.debezium.data.VariableScaleDecimal",
}
MONEY = {
    "type": "bytes",
    "logicalType": "decimal",
    "precision": 10,
    "scale": 2,
    "connect.name": "org.apache.kafka.connect.data.Decimal",
    "connect.parameters": {"scale": "2", "connect.decimal.precision": "10"},
}
ORACLE_FIELDS = {
    "RELEASE": [
        avro_field("RELEASEID", VARIABLE),
        avro_field("TITLE", "string"),
        avro_field("UPC", "string"),
        avro_field("PRICE", MONEY),
        avro_field("ADDED", named("long", "io.debezium.time.Timestamp")),
        avro_field("STARTS", named("string", "io.debezium.time.ZonedTimestamp")),
        avro_field("AGE", named("string", "io.debezium.time.Interval")),
        avro_field("COVER", "bytes"),
    ],
    "TRACK": [
        avro_field("TRACKID", "long"),
        avro_field("RELEASEID", VARIABLE),
        avro_field("TITLE", "string"),
        avro_field("NUMBER", {"type": "int", "connect.type": "int16"}),
        avro_field("ISRC", "string"),
    ],
}
ORACLE_SOURCE = ("commit_scn", "scn", "rs_id", "txId", "connector", "table")


class OracleTopic:
    """Writes Oracle's changes as AvroConverter does, its schema in the real registry."""

    def __init__(self, endpoints: Endpoints, table: str) -> None:
        self._table = table
        value = {"type": "record", "name": "Value", "fields": ORACLE_FIELDS[table]}
        numbers = [{"name": name, "type": "long"} for name in ("ts_ms", "ssn")]
        texts = [{"name": name, "type": ["null", "string"]} for name in ORACLE_SOURCE]
        source = {"type": "record", "name": "Source", "fields": [*texts, *numbers]}
        envelope = {
            "type": "record",
            "name": "Envelope",
            "namespace": f"erp.ERP.{table}",
            "fields": [
                avro_field("before", value),
                avro_field("after", "Value"),
                {"name": "source", "type": source},
                {"name": "op", "type": "string"},
            ],
        }
        subject = f"{secrets.token_hex(4)}.ERP.{table}-value"
        registry = SchemaRegistryClient({"url": endpoints.registry.url})
        self._id = registry.register_schema(subject, Schema(json.dumps(envelope), "AVRO"))
        registry.close()
        self._schema = fastavro.parse_schema(envelope)

    def changed(self, op: str, row: Mapping[str, Any], scn: int) -> bytes:
        source = {
            "connector": "oracle",
            "table": self._table,
            "commit_scn": str(scn),
            "scn": str(scn - 1),
            "rs_id": " 0x000001.00000002.0010 ",
            "ssn": 0,
            "txId": "02000a0037030000",
            "ts_ms": 1_795_375_422_000 + scn,
        }
        side = "before" if op == "d" else "after"
        body = io.BytesIO()
        fastavro.schemaless_writer(body, self._schema, {side: row, "source": source, "op": op})
        return header(self._id) + body.getvalue()


def test_oracles_topics_in_avro_to_the_lookup(oracle: Following) -> None:
    releases = OracleTopic(oracle.endpoints, "RELEASE")
    tracks = OracleTopic(oracle.endpoints, "TRACK")
    number = {"scale": 0, "value": b"\x07"}
    release = {
        "RELEASEID": number,
        "TITLE": "A long text",
        "UPC": UPC,
        "PRICE": Decimal("9.90"),
        "ADDED": 1767323045000,
        "STARTS": "2026-01-02T03:04:05.678901Z",
        "AGE": "P1Y2M0DT0H0M0S",
        "COVER": b"\0\1",
    }
    untouched = {**release, "UPC": "299700000025", "TITLE": "__debezium_unavailable_value"}
    back = {**untouched, "UPC": UPC}
    oracle.send(
        "release",
        [
            releases.changed("r", release, 10),
            releases.changed("u", untouched, 11),
            releases.changed("u", back, 12),
        ],
    )
    track = {"TRACKID": 1, "RELEASEID": number, "TITLE": "One", "NUMBER": 3, "ISRC": ISRC}
    oracle.send("track", [tracks.changed("c", track, 13), b"\0\x7f\xff\xff\xffabc"])
    stopped = oracle.follow()
    assert list(stopped) == [(oracle.source.topic_of("track"), 0)]
    assert "no schema has id" in stopped[oracle.source.topic_of("track"), 0]
    (found,) = oracle.look_up("upc", UPC)
    assert found["release"]["title"] == "A long text"
    (found,) = oracle.look_up("isrc", ISRC)
    assert found["track"]["track_number"] == 3
    row = oracle.row(
        "SELECT releaseid::text, price::text, added::text, age::text, cover FROM source_erp.release"
    )
    assert row == ("7", "9.90", "2026-01-02 03:04:05", "1 year 2 mons", b"\0\1")

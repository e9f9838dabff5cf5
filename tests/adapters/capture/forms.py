"""Records in the forms in which Debezium sends them, written by hand after its documentation."""

import json
from typing import Any

POSTGRES: dict[str, Any] = {
    "version": "3.6.1.Final",
    "connector": "postgresql",
    "name": "master",
    "ts_ms": 1795375422015,
    "snapshot": "false",
    "db": "master",
    "sequence": '["24305800","24305840"]',
    "ts_us": 1795375422015123,
    "ts_ns": 1795375422015123000,
    "schema": "public",
    "table": "release",
    "txId": 759,
    "lsn": 24305840,
    "xmin": None,
}
SQL_SERVER: dict[str, Any] = {
    "version": "3.6.1.Final",
    "connector": "sqlserver",
    "name": "master",
    "ts_ms": 1795375422015,
    "snapshot": "false",
    "db": "catalog",
    "schema": "dbo",
    "table": "release",
    "change_lsn": "00000027:00000758:0003",
    "commit_lsn": "00000027:00000758:0005",
    "event_serial_no": 2,
}

MARIADB: dict[str, Any] = {
    "version": "3.6.1.Final",
    "connector": "mariadb",
    "name": "master",
    "ts_ms": 1795375422000,
    "snapshot": "false",
    "db": "catalog",
    "table": "release",
    "server_id": 223344,
    "gtid": "0-223344-41",
    "file": "mariadb-bin.000003",
    "pos": 4811,
    "row": 2,
    "thread": 7,
    "query": None,
}
MYSQL: dict[str, Any] = {**MARIADB, "connector": "mysql", "gtid": None, "file": "binlog.000012"}
ORACLE: dict[str, Any] = {
    "version": "3.6.1.Final",
    "connector": "oracle",
    "name": "master",
    "ts_ms": 1795375422000,
    "snapshot": "false",
    "db": "ORCL",
    "schema": "CATALOG",
    "table": "release",
    "txId": "6.28.807",
    "scn": "2122185",
    "commit_scn": "2122186",
    "lcr_position": None,
    "rs_id": "001234.00012345.0124",
    "ssn": 1,
    "redo_thread": 1,
    "user_name": "CATALOG",
}
DB2: dict[str, Any] = {
    "version": "3.6.1.Final",
    "connector": "db2",
    "name": "master",
    "ts_ms": 1795375422000,
    "snapshot": "false",
    "db": "CATALOG",
    "schema": "DB2INST1",
    "table": "release",
    "change_lsn": "00000000:00000000:00000000:001a2b3c",
    "commit_lsn": "00000000:00000000:00000000:001a2b40",
}


def value(
    op: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    source: dict[str, Any] = POSTGRES,
    **more: Any,
) -> bytes:
    """A bare envelope."""
    return json.dumps(
        {
            "before": before,
            "after": after,
            "source": {**source, **more},
            "transaction": None,
            "op": op,
            "ts_ms": 1795375422351,
            "ts_us": 1795375422351000,
        }
    ).encode()


def key(identity: str = "1") -> bytes:
    """A bare key."""
    return json.dumps({"id": identity}).encode()


def with_schema(columns: list[dict[str, Any]], bare: bytes) -> bytes:
    """The same envelope with its schema before it; `columns` are Connect's field schemas."""
    row = {"type": "struct", "optional": True, "name": "master.public.release.Value"}
    schema = {
        "type": "struct",
        "fields": [
            {**row, "field": "before", "fields": columns},
            {**row, "field": "after", "fields": columns},
            {"type": "struct", "fields": [], "field": "source"},
            {"type": "string", "field": "op"},
        ],
        "name": "master.public.release.Envelope",
        "version": 2,
    }
    return b'{"schema":' + json.dumps(schema).encode() + b',"payload":' + bare + b"}"


def key_with_schema(identity: str = "1") -> bytes:
    """A key with its schema."""
    fields = [{"type": "string", "optional": False, "field": "id"}]
    schema = {"type": "struct", "fields": fields, "name": "master.public.release.Key"}
    return json.dumps({"schema": schema, "payload": {"id": identity}}).encode()

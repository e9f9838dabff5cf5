"""Records in every form that Debezium sends are read as the change they speak of."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.capture.columns import TABLES, Kind
from adapters.capture.records import MOST_SCHEMAS, DebeziumReader
from adapters.capture.unavailable import UNAVAILABLE
from adapters.capture.values import EARLIEST, LATEST
from domain.changes import UNCHANGED, Change, Operation
from domain.translation import translate
from domain.translation.deduplication import order_of
from projections.ports.change_reader import NoPosition, Skip, Undecodable
from tests.adapters.capture.forms import (
    DB2,
    MARIADB,
    MYSQL,
    ORACLE,
    POSTGRES,
    SQL_SERVER,
    key,
    key_with_schema,
    value,
    with_schema,
)

TOPIC = "master.public.release"
ROW = {"id": "1", "title": "T", "tags": ["a", "b"], "original_release_date": "2026-01-02Z"}


def read(content: bytes | None, at_key: bytes | None = key(), topic: str = TOPIC) -> Change:
    change = DebeziumReader().read(topic, 3, 17, at_key, content)
    assert isinstance(change, Change)
    return change


def skipped(content: bytes | None, topic: str = TOPIC, at_key: bytes | None = None) -> str:
    skip = DebeziumReader().read(topic, 0, 0, at_key, content)
    assert isinstance(skip, Skip)
    return skip.reason


def test_columns_are_those_of_the_events() -> None:
    assert TABLES["release"]["original_release_date"] is Kind.DATE
    assert TABLES["release"]["tags"] is Kind.TEXTS
    assert TABLES["deal"]["prices"] is Kind.JSON
    assert TABLES["deal"]["valid_from"] is Kind.BEGIN
    assert TABLES["deal"]["valid_to"] is Kind.END
    assert TABLES["release"]["added_at"] is Kind.INSTANT
    assert TABLES["track"]["popularity"] is Kind.FLOAT
    assert TABLES["identifier"]["is_valid"] is Kind.BOOLEAN
    assert TABLES["track"]["message_id"] is Kind.TEXT


def test_an_update() -> None:
    change = read(value("u", {**ROW, "title": "Old"}, {**ROW, "updated_at": "x", "more": [1]}))
    assert change.operation is Operation.UPDATE
    assert change.table == "release"
    assert change.key == {"id": "1"}
    assert change.before is not None
    assert change.after is not None
    assert change.before["title"] == "Old"
    assert change.after["original_release_date"] == date(2026, 1, 2)
    assert change.after["tags"] == ["a", "b"]
    assert change.after["url"] is None
    assert "more" not in change.after
    assert (change.coordinates.topic, change.coordinates.partition) == (TOPIC, 3)
    assert change.coordinates.offset == 17
    assert change.position == f"{24305800:016X}-{24305840:016X}"
    assert change.transaction == "759"
    assert change.committed_at == datetime(2026, 11, 22, 19, 23, 42, 15123, tzinfo=UTC)


@pytest.mark.parametrize(
    ("op", "operation"),
    [("c", Operation.INSERT), ("r", Operation.READ), ("d", Operation.DELETE)],
)
def test_operations(op: str, operation: Operation) -> None:
    before, after = (ROW, None) if op == "d" else (None, ROW)
    change = read(value(op, before, after))
    assert change.operation is operation
    assert (change.before is None, change.after is None) == (op != "d", op == "d")


@pytest.mark.parametrize(
    "snapshot", ["true", "first", "first_in_data_collection", "last", "incremental", None, False]
)
def test_snapshot_markers(snapshot: str | bool | None) -> None:
    assert read(value("r", None, ROW, snapshot=snapshot)).operation is Operation.READ


def test_an_incremental_snapshot_has_no_position() -> None:
    change = read(value("r", None, ROW, sequence=None, lsn=None, txId=None))
    assert (change.position, change.transaction) == ("", None)


def test_the_first_change_after_a_snapshot_has_no_last_commit() -> None:
    change = read(value("c", None, ROW, sequence='[null,"24305840"]'))
    assert change.position == f"{0:016X}-{24305840:016X}"


def test_a_sql_server_change() -> None:
    change = read(value("c", None, ROW, SQL_SERVER), topic="master.catalog.dbo.release")
    assert change.position == "00000027:00000758:0005/00000027:00000758:0003/2"
    assert change.transaction == "00000027:00000758:0005"
    assert change.committed_at == datetime(2026, 11, 22, 19, 23, 42, 15000, tzinfo=UTC)


CONNECTORS = [
    (MARIADB, "0000000000000003-00000000000012CB-00000002/gtid:0-223344-41", "0-223344-41"),
    (MYSQL, "000000000000000C-00000000000012CB-00000002/binlog.000012", None),
    (
        ORACLE,
        "000000000000000002122186/6.28.807/2122185/001234.00012345.0124/1",
        "6.28.807",
    ),
    ({**ORACLE, "lcr_position": "0000002061D10000"}, "0000002061D10000", "6.28.807"),
    (
        DB2,
        "00000000:00000000:00000000:001a2b40/00000000:00000000:00000000:001a2b3c/None",
        "00000000:00000000:00000000:001a2b40",
    ),
]


@pytest.mark.parametrize(("source", "position", "transaction"), CONNECTORS)
def test_positions_of_other_connectors(
    source: dict[str, Any], position: str, transaction: str | None
) -> None:
    change = read(value("u", ROW, ROW, source))
    assert (change.position, change.transaction) == (position, transaction)


ORDERED = [
    (MYSQL, {"file": "binlog.000009", "pos": 99}, {"file": "binlog.000010", "pos": 4}),
    (MYSQL, {"file": "binlog.999999"}, {"file": "binlog.1000000", "pos": 4}),
    (MYSQL, {"pos": 999}, {"pos": 1000}),
    (MYSQL, {"row": 9}, {"row": 10}),
    (ORACLE, {"commit_scn": "999"}, {"commit_scn": "1000"}),
]


@pytest.mark.parametrize(("source", "earlier", "later"), ORDERED)
def test_positions_order_as_the_log_does(
    source: dict[str, Any], earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    orders = [
        order_of(read(value("u", ROW, ROW, source, **where)).position) for where in (earlier, later)
    ]
    assert orders[0] < orders[1]


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ({**POSTGRES, "connector": "cockroachdb"}, {}),
        (POSTGRES, {"sequence": None, "lsn": None}),
        (SQL_SERVER, {"commit_lsn": None}),
        (MYSQL, {"file": None}),
        (ORACLE, {"commit_scn": None}),
        (ORACLE, {"rs_id": None}),
    ],
)
def test_a_change_without_a_position_is_refused_for_exactly_once(
    source: dict[str, Any], where: dict[str, Any]
) -> None:
    content = value("u", ROW, ROW, source, **where)
    with pytest.raises(NoPosition, match="a repeat of it could not be recognised"):
        read(content)
    change = DebeziumReader(is_exactly_once=False).read(TOPIC, 0, 0, key(), content)
    assert isinstance(change, Change)
    assert change.position == ""
    assert read(value("r", None, ROW, source, **where)).position == "", "a read needs none"


@pytest.mark.parametrize(
    "where", [{"file": "binlog"}, {"pos": -1}, {"row": -1}, {"file": "b." + "9" * 5000}]
)
def test_a_position_that_no_binlog_has_is_unusable(where: dict[str, Any]) -> None:
    with pytest.raises(Undecodable, match="no binlog's"):
        read(value("u", ROW, ROW, MYSQL, **where))


def test_sql_server_keeps_lists_in_text() -> None:
    row = {**ROW, "tags": '["a","b"]', "original_release_date": 20455, "added_at": 10**18}
    change = read(value("c", None, row, SQL_SERVER))
    assert change.after is not None
    assert change.after["tags"] == ["a", "b"]
    assert change.after["original_release_date"] == date(2026, 1, 2)
    assert change.after["added_at"] == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)


COLUMNS: list[dict[str, Any]] = [
    {"type": "string", "optional": False, "field": "id"},
    {"type": "int32", "name": "io.debezium.time.Date", "field": "original_release_date"},
    {"type": "int64", "name": "io.debezium.time.Timestamp", "field": "added_at"},
]


@pytest.mark.parametrize("at_key", [key(), key_with_schema()])
@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("io.debezium.time.Timestamp", 10**12),
        ("io.debezium.time.MicroTimestamp", 10**15),
        ("io.debezium.time.NanoTimestamp", 10**18),
        ("org.apache.kafka.connect.data.Timestamp", 10**12),
        ("io.debezium.time.ZonedTimestamp", "2001-09-09T01:46:40Z"),
        ("io.debezium.time.ZonedTimestamp", "2001-09-09T03:46:40.000000+02:00"),
        ("io.debezium.time.IsoTimestamp", "2001-09-09T01:46:40.0000000Z"),
    ],
)
def test_a_record_with_schema(at_key: bytes, name: str, sent: object) -> None:
    columns = [*COLUMNS[:2], {"type": "any", "name": name, "field": "added_at"}]
    bare = value("c", None, {"id": "1", "original_release_date": 20455, "added_at": sent})
    change = read(with_schema(columns, bare), at_key)
    assert change.after is not None
    assert change.after["original_release_date"] == date(2026, 1, 2)
    assert change.after["added_at"] == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)


def test_a_payload_without_schema() -> None:
    for schema in (b"", b'"schema":null,'):
        change = read(b'{%b"payload":%b}' % (schema, value("c", None, ROW)))
        assert change.after is not None
        assert change.after["title"] == "T"


def deal(op: str = "c", before: Any = None, **row: Any) -> Change:
    content = value(op, before, {"id": "1", **row}, {**POSTGRES, "table": "deal"})
    return read(content, topic="master.public.deal")


def test_a_deal() -> None:
    change = deal(
        territories=["GB", "US"],
        prices='[{"amount": 0.990, "currency": "GBP"}]',
        valid_from="2026-01-01T00:00:00Z",
        is_preorder=False,
    )
    assert change.after is not None
    assert change.after["prices"] == [{"amount": Decimal("0.990"), "currency": "GBP"}]
    assert change.after["territories"] == ["GB", "US"]
    assert change.after["valid_from"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert change.after["is_preorder"] is False
    (event,) = translate(change)
    assert event.changed == ["is_preorder", "prices", "territories", "valid_from"]


LATE = (
    9223372036825200000, 2**62, "infinity", "+292278994-08-16T23:00Z", "10000-01-01T00:00:00+00:00",
    "9999-12-31T23:59:59-01:00",
)  # fmt: skip
EARLY = (
    -9223372036832400000, -(2**62), "-infinity", "-0043-03-15T00:00:00Z", "0000-05-01T00:00:00Z",
    "-292275055-05-16T16:47:04Z", "0044-03-15T00:00:00+00:00 BC", "0001-01-01T00:00:00+01:00",
)  # fmt: skip


@pytest.mark.parametrize("sent", LATE)
def test_a_bound_beyond_all_years_is_kept_as_what_it_means(sent: object) -> None:
    change = deal(valid_from=sent, valid_to=sent, display_from=sent)
    assert change.after is not None
    assert change.after["valid_from"] == change.after["display_from"] == LATEST, "it never begins"
    assert change.after["valid_to"] is None, "it never ends"


@pytest.mark.parametrize("sent", EARLY)
def test_a_bound_before_all_years_is_kept_as_what_it_means(sent: object) -> None:
    change = deal(valid_from=sent, valid_to=sent, preview_from=sent)
    assert change.after is not None
    assert change.after["valid_to"] == EARLIEST, "it is over"
    assert change.after["valid_from"] is change.after["preview_from"] is None, "it always was"


@pytest.mark.parametrize("sent", [*LATE, *EARLY])
def test_any_other_instant_beyond_all_years_is_unusable(sent: object) -> None:
    with pytest.raises(Undecodable, match=r"release\.added_at: .*beyond the years 1 to 9999"):
        read(value("c", None, {**ROW, "added_at": sent}))


@pytest.mark.parametrize(
    "sent",
    [
        2**31 - 1,
        -(2**31),
        "infinity",
        "-infinity",
        "-5877611-06-21Z",
        "0044-03-15 BC",
        "12000-01-01",
    ],
)
def test_a_date_beyond_all_years_is_unusable(sent: object) -> None:
    with pytest.raises(Undecodable, match=r"release_date: .*beyond the years 1 to 9999"):
        read(value("c", None, {**ROW, "original_release_date": sent}))


@pytest.mark.parametrize("sent", [["[Ljava.lang.String;@1b2c3d"], [["a", "b"]]])
def test_an_array_of_arrays_is_unusable(sent: object) -> None:
    with pytest.raises(Undecodable, match="tags"):
        read(value("c", None, {**ROW, "tags": sent}))


def test_unavailable_values_are_unchanged() -> None:
    encoded = "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="
    change = deal(
        "u",
        {"id": "1"},
        use_type=UNAVAILABLE,
        territories=[UNAVAILABLE],
        prices=UNAVAILABLE,
        commercial_model=encoded,
        is_preorder=True,
    )
    assert change.after is not None
    for name in ("use_type", "territories", "prices", "commercial_model"):
        assert change.after[name] is UNCHANGED
    assert change.after["is_preorder"] is True


@pytest.mark.parametrize("sent", [UNAVAILABLE, "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="])
def test_a_text_of_the_master_that_looks_like_an_unavailable_value_stays(sent: str) -> None:
    """Capture would have put in what the row before has; a row that is read is whole."""
    told = {"id": "1", "use_type": sent, "territories": [sent]}
    for was in ({"id": "1", "use_type": "U", "territories": []}, told):
        change = deal("u", was, **told)
        assert (change.after, change.before) == ({**change.after, **told}, {**change.before, **was})  # type: ignore[dict-item]
    assert deal("r", None, **told).after == {**deal("r").after, **told}  # type: ignore[dict-item]
    assert deal("d", told).before == {**deal("d", {"id": "1"}).before, **told}  # type: ignore[dict-item]


def test_what_may_be_left_out_or_meant_is_unchanged() -> None:
    """No row before has it: a row that was inserted, or one whose identity is not FULL."""
    for change in (deal("c", None, use_type=UNAVAILABLE), deal("u", None, use_type=UNAVAILABLE)):
        assert change.after is not None
        assert change.after["use_type"] is UNCHANGED
    elsewhere = {**SQL_SERVER, "table": "deal"}
    row = {"id": "1", "use_type": UNAVAILABLE}
    change = read(value("u", {**row, "use_type": "U"}, row, elsewhere), topic="m.deal")
    assert change.after is not None
    assert change.after["use_type"] is UNCHANGED


def test_decimals_in_all_their_modes() -> None:
    reader = DebeziumReader({"t": {"id": Kind.TEXT, "n": Kind.DECIMAL, "f": Kind.FLOAT}})
    source = {**POSTGRES, "table": "t"}

    def decimals(content: bytes) -> tuple[object, object]:
        change = reader.read("m.t", 0, 0, key(), content)
        assert isinstance(change, Change)
        assert change.after is not None
        return change.after["n"], change.after["f"]

    expected = (Decimal("1.50"), 1.5)
    for sent in ("1.50", 1.5, {"scale": 2, "value": "AJY="}):
        assert decimals(value("c", None, {"id": "1", "n": sent, "f": sent}, source)) == expected
    columns = [
        {"type": "bytes", "name": "decimal", "parameters": {"scale": "2"}, "field": name}
        for name in ("n", "f")
    ]
    bare = value("c", None, {"id": "1", "n": "AJY=", "f": "AJY="}, source)
    assert decimals(with_schema(columns, bare)) == expected
    with pytest.raises(Undecodable, match=r"t\.n: 'AJY=' is no number.*string"):
        decimals(bare)


def test_what_speaks_of_no_row_is_skipped() -> None:
    assert skipped(None) == "tombstone"
    assert skipped(value("t")) == "truncate"
    assert skipped(value("m"), "master.message") == "logical message"
    assert skipped(b'{"ts_ms":1}', "__debezium-heartbeat.master") == "heartbeat"
    mark = {"status": "END", "id": "759:24305840", "event_count": 1, "ts_ms": 1}
    assert skipped(json.dumps(mark).encode(), "master.transaction") == "transaction"
    wrapped = {"schema": {}, "payload": mark}
    assert skipped(json.dumps(wrapped).encode(), "master.transaction") == "transaction"
    change = {"source": {}, "ts_ms": 1, "databaseName": "m", "ddl": None, "tableChanges": []}
    assert skipped(json.dumps(change).encode(), "master") == "schema change"
    assert "makes no events" in skipped(value("c", None, ROW), "master.public.ern_message")


@pytest.mark.parametrize(
    ("content", "at_key", "reason"),
    [
        (b"\x00\x01", key(), "can't be read"),
        (b"[]", key(), "can't be read"),
        (b"{}", key(), "no op"),
        (value("x", None, ROW), key(), "op is 'x'"),
        (value("c"), key(), "without a row after"),
        (value("c", None, {**ROW, "title": 3}), key(), r"\$\.after\.title"),
        (value("c", None, {**ROW, "duration_ms": "x"}), key(), r"\$\.after\.duration_ms"),
        (value("c", None, {**ROW, "original_release_date": "soon"}), key(), "release_date: "),
        (value("c", None, {**ROW, "added_at": "soon"}), key(), "release.added_at: "),
        (value("c", None, {**ROW, "tags": [None]}), key(), "release.tags: .* list of texts"),
        (value("c", None, {**ROW, "tags": "a,b"}), key(), "release.tags: it holds no JSON"),
        (value("c", None, ROW), None, "no key"),
        (value("c", None, ROW), b"{}", "key has no id"),
        (value("c", None, ROW), b"\xff", "key can't be read"),
        (value("c", None, ROW), b'{"tenant":"a","id":"1"}', "unknown field `tenant`"),
        (value("c", None, ROW), b'{"payload":{"id":"1","no":1}}', "unknown field `no`"),
        (value("c", None, ROW), key("2"), "key says id '2', the row '1'"),
        (value("c", None, ROW, table="track"), key(), "of the table track"),
        (value("c", None, ROW, sequence="?"), key(), "source.sequence"),
        (value("c", None, ROW, sequence="[1,2]"), key(), "source.sequence"),
        (value("c", None, ROW, sequence='["1.0","2"]'), key(), "source.sequence"),
        (b'{"op":"c","after":{"id":"1"}}', key(), "no source"),
        (b'{"schema":{},"payload":%b}' % value("c", None, ROW), key(), "schema has no fields"),
    ],
)
def test_what_is_wrong_is_named(content: bytes, at_key: bytes | None, reason: str) -> None:
    with pytest.raises(Undecodable, match=reason):
        read(content, at_key)


def test_other_topics_are_not_taken_on_trust() -> None:
    for content in (b"x", b'{"a":1}', b'{"payload":3}'):
        with pytest.raises(Undecodable):
            skipped(content, "master.what")


def test_a_before_that_cannot_be_read_is_not_known() -> None:
    change = read(value("u", {**ROW, "title": 3}, ROW))
    assert change.before is None
    change = read(value("u", {**ROW, "original_release_date": "soon"}, ROW))
    assert change.before is None
    change = read(value("d", {"id": "1", "title": 3}))
    assert (change.operation, change.before) == (Operation.DELETE, None)
    assert change.key == {"id": "1"}


def test_the_memory_of_schemas_is_bounded() -> None:
    """A producer that sends another schema with each record must not fill the process."""
    reader = DebeziumReader()
    bare = value("c", None, ROW)
    for number in range(2 * MOST_SCHEMAS + 1):
        columns = [{"type": "string", "field": "id", "doc": str(number)}]
        reader.read(TOPIC, 0, number, key(), with_schema(columns, bare))
    assert len(reader._tables["release"]._converters) <= MOST_SCHEMAS

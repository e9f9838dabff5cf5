"""Capture with the real connectors: a master's rows become changes, slots are seen and dropped."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from adapters.capture.connect import Connect, ConnectProblem
from adapters.capture.connector import (
    Capture,
    postgres_configuration,
    sql_server_configuration,
)
from adapters.capture.grants import CaptureRights, let_read, make_role, publish
from adapters.capture.records import DebeziumReader
from adapters.capture.slots import MasterProblem, Slot, drop_slot, list_slots
from adapters.composition.endpoints import Endpoints
from adapters.ingestion.master.tables import CAPTURED
from domain.changes import UNCHANGED, Change, Operation
from domain.failures import WrongUsage
from domain.translation import translate
from migrations.run import upgrade
from tests.waiting import until

pytestmark = pytest.mark.integration


@dataclass
class Captured:
    """A master of a test's own, and its connector."""

    endpoints: Endpoints
    dsn: str
    role_dsn: str
    """As the role that captures."""
    name: str
    connect: Connect
    configuration: dict[str, str]

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def changes(self, table: str, count: int) -> list[Change]:
        """The first changes of a table, each partition's in order."""
        topic = f"{self.name}.public.{table}"
        consumer = Consumer({**self.endpoints.kafka, "group.id": self.name})
        messages: list[Any] = []

        def has_all() -> bool:
            messages.extend(consumer.consume(100, 0.2))
            return len(messages) >= count

        try:
            until(lambda: topic in consumer.list_topics(timeout=10).topics)
            parts = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            consumer.assign([TopicPartition(topic, number, 0) for number in parts])
            until(has_all)
        finally:
            consumer.close()
        read = DebeziumReader().read
        changes = [
            read(one.topic(), one.partition(), one.offset(), one.key(), one.value())
            for one in messages
        ]
        return [change for change in changes if isinstance(change, Change)]


def master_of(endpoints: Endpoints, database: str) -> str:
    """DSN of a test's database, on the server of the master."""
    return urlunsplit(urlsplit(endpoints.master_dsn)._replace(path=urlsplit(database).path))


@pytest.fixture
def captured(engines: Endpoints, database: str) -> Iterator[Captured]:
    dsn = master_of(engines, database)
    upgrade(dsn, "master", "public")
    name = f"c{secrets.token_hex(6)}"
    capture = Capture(CAPTURED, topic_prefix=name, partitions=2)
    rights = CaptureRights(CAPTURED, "public", name, name)
    with psycopg.connect(dsn, autocommit=True) as connection:
        make_role(connection, name, "secret")
        let_read(connection, rights)
        publish(connection, rights)
    role_dsn = urlunsplit(
        urlsplit(dsn)._replace(netloc=f"{name}:secret@{urlsplit(dsn).netloc.rpartition('@')[2]}")
    )
    configuration = postgres_configuration(
        capture, role_dsn, engines.kafka, slot=name, publication=name
    )
    connect = Connect(engines.connect_url)
    yield Captured(engines, dsn, role_dsn, name, connect, configuration)
    connect.delete(name)
    until(lambda: not any(slot.is_active for slot in slots_named(dsn, name)))
    for slot in slots_named(dsn, name):
        drop(dsn, slot.name)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"DROP OWNED BY {name}")
        connection.execute(f"DROP ROLE {name}")
    admin = AdminClient(dict(engines.kafka))
    ours = [topic for topic in admin.list_topics(timeout=10).topics if name in topic]
    for answer in admin.delete_topics(ours).values() if ours else ():
        answer.result()


def slots_named(dsn: str, name: str) -> list[Slot]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return [slot for slot in list_slots(connection) if slot.name == name]


def drop(dsn: str, name: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        drop_slot(connection, name)


def told(changes: list[Change]) -> list[tuple[str, str, list[str]]]:
    return [
        (type(event).__name__, event.id, event.changed)
        for change in changes
        for event in translate(change)
    ]


def test_a_masters_rows_become_events(captured: Captured) -> None:
    captured.execute("INSERT INTO deal (id, use_type) VALUES ('old', 'Stream')")
    assert captured.connect.validate(captured.configuration) == {}
    assert captured.connect.apply(captured.name, captured.configuration)
    assert not captured.connect.apply(captured.name, captured.configuration)
    captured.connect.await_running(captured.name)
    until(lambda: [slot.is_active for slot in slots_named(captured.dsn, captured.name)] == [1])
    captured.execute(
        """INSERT INTO deal (id, use_type, valid_from, valid_to, territories, prices)
           VALUES ('d1', 'Download', '-infinity', 'infinity', '{GB,US}',
                   '[{"amount": "0.99"}, {"amount": 1.5}]')""",
        "UPDATE deal SET use_type = 'OnDemandStream' WHERE id = 'd1'",
        "UPDATE deal SET updated_at = now() WHERE id = 'd1'",
        "UPDATE deal SET id = 'd2' WHERE id = 'd1'",
        "DELETE FROM deal WHERE id = 'old'",
    )
    changes = captured.changes("deal", 7)
    assert sorted(told(changes)) == sorted(
        [
            ("StreamingRightGranted", "old", ["use_type"]),
            ("DownloadOffered", "d1", ["prices", "territories", "use_type"]),
            ("DownloadWithdrawn", "d1", []),
            ("StreamingRightGranted", "d1", ["prices", "territories", "use_type"]),
            ("StreamingRightWithdrawn", "d1", []),
            ("StreamingRightGranted", "d2", ["prices", "territories", "use_type"]),
            ("StreamingRightWithdrawn", "old", []),
        ]
    )
    assert {change.operation for change in changes} == set(Operation)


def test_a_value_that_capture_leaves_out_is_unchanged(captured: Captured) -> None:
    captured.connect.apply(captured.name, captured.configuration)
    captured.connect.await_running(captured.name)
    long = "(SELECT string_agg(md5(number::text), '') FROM generate_series(1, 400) number)"
    captured.execute(
        f"INSERT INTO release (id, title, pline) VALUES ('r', 'T', {long})",
        "ALTER TABLE release REPLICA IDENTITY DEFAULT",
        "UPDATE release SET title = 'U' WHERE id = 'r'",
        "DELETE FROM release WHERE id = 'r'",
    )
    _, update, delete = captured.changes("release", 3)
    assert update.before is None
    assert update.after is not None
    assert update.after["pline"] is UNCHANGED
    assert told([delete]) == [("ReleasePurged", "r", [])]


def test_the_role_that_captures_reads_and_no_more(captured: Captured) -> None:
    rights = CaptureRights(CAPTURED, "public", captured.name, captured.name)
    captured.execute("CREATE TABLE other (id text PRIMARY KEY)")
    with psycopg.connect(captured.role_dsn, autocommit=True) as role:
        assert role.execute("SELECT count(*) FROM public.release").fetchone() == (0,)
        for refused in (
            "SELECT * FROM other",
            "INSERT INTO release (id) VALUES ('r')",
            "CREATE TABLE mine (id text)",
            f"ALTER PUBLICATION {captured.name} ADD TABLE other",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                role.execute(refused.encode())
        assert publish(role, rights) == [], "nothing is missing: no right is asked for"
        let_read(role, rights)
        captured.execute(f"ALTER PUBLICATION {captured.name} DROP TABLE release")
        with pytest.raises(MasterProblem, match="let its tables' owner prepare capture"):
            publish(role, rights)
    with psycopg.connect(captured.dsn, autocommit=True) as owner:
        assert publish(owner, rights) == ["release"]
        with pytest.raises(MasterProblem, match="no role nobody that may replicate"):
            let_read(owner, CaptureRights(CAPTURED, "public", captured.name, "nobody"))


def test_sql_servers_connector_finds_nothing_wrong_but_the_absent_server(
    engines: Endpoints,
) -> None:
    configuration = sql_server_configuration(
        Capture(CAPTURED),
        host="127.0.0.1",
        port=1,
        user="u",
        password="p",
        database="catalog",
        bootstrap_servers=engines.kafka["bootstrap.servers"],
    )
    connect = Connect(engines.connect_url)
    quick = {"driver.loginTimeout": "1", "driver.connectRetryCount": "0"}
    complaints = connect.validate({**configuration, **quick})
    assert list(complaints) == ["database.hostname"]
    assert "Unable to connect" in complaints["database.hostname"][0]
    wrong = {**configuration, **quick, "snapshot.mode": "sometimes", "poll.intervall.ms": "1"}
    assert {"snapshot.mode", "poll.intervall.ms"} <= connect.validate(wrong).keys()


def test_a_slot_that_nobody_reads_is_seen_and_dropped(engines: Endpoints, database: str) -> None:
    dsn = master_of(engines, database)
    name = f"s{secrets.token_hex(6)}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (name,))
        connection.execute("CREATE TABLE filler AS SELECT generate_series(1, 5000)")
    (slot,) = slots_named(dsn, name)
    assert not slot.is_active
    assert slot.retained_bytes is not None
    assert slot.retained_bytes > 100_000
    drop(dsn, name)
    assert slots_named(dsn, name) == []
    with pytest.raises(WrongUsage, match="no slot"):
        drop(dsn, name)


def test_an_absent_connector_and_an_absent_connect_are_told_apart(engines: Endpoints) -> None:
    connect = Connect(engines.connect_url)
    assert connect.status("nobody").state == "ABSENT"
    assert not connect.delete("nobody")
    with pytest.raises(ConnectProblem, match="can't be reached"):
        Connect("http://127.0.0.1:1").status("nobody")
    with pytest.raises(ConnectProblem, match="refused PUT"):
        connect.apply("wrong", {"connector.class": "no.such.Class"})

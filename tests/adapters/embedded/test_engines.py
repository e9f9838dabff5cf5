"""The real engines: bound to the loopback only, guarded, and with all their state after kill -9."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

import httpx
import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from adapters.composition.endpoints import Endpoints, resolve_endpoints
from adapters.composition.engines import running_engines
from adapters.composition.setting_groups import EmbeddedSettings
from adapters.composition.settings import Settings
from adapters.embedded.kafka import OFFSET_TEXT_BYTES
from adapters.embedded.processes import PortTaken
from adapters.embedded.state import read_running
from tests.beside import killed

pytestmark = pytest.mark.integration

SCHEMA = {"schema": json.dumps({"type": "record", "name": "Kept", "fields": []})}


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a condition, not for a time."""
    pause = Event()
    for _ in range(int(seconds / 0.1)):
        if condition():
            return
        pause.wait(0.1)
    pytest.fail("the condition never came")


def test_connect_answers_only_who_knows_the_password(engines: Endpoints) -> None:
    """Who may give it a connector reads files with its rights (`${file:…}`), secrets among them."""
    url = httpx.URL(engines.connect_url)
    assert httpx.get(url.join("/connectors")).status_code == 200
    for userinfo in (b"", b"catalog:guessed", url.userinfo.replace(b"catalog:", b"other:")):
        stranger = url.copy_with(userinfo=userinfo)
        for path in ("/", "/connectors", "/connector-plugins", "/admin/loggers"):
            assert httpx.get(stranger.join(path)).status_code == 401, path
        wanted = {
            "name": "stolen",
            "config": {"connector.class": "x", "a": "${file:/etc/passwd:x}"},
        }
        assert httpx.post(stranger.join("/connectors"), json=wanted).status_code == 401


def test_all_answer_and_other_commands_find_them(engines: Endpoints, settings: Settings) -> None:
    assert resolve_endpoints(settings) == engines
    plugins = httpx.get(f"{engines.connect_url}/connector-plugins").json()
    classes = {plugin["class"].rsplit(".", 1)[-1] for plugin in plugins}
    assert {"PostgresConnector", "SqlServerConnector"} <= classes
    for dsn in (engines.master_dsn, engines.read_dsn):
        with psycopg.connect(dsn) as connection:
            assert connection.execute("SHOW wal_level").fetchone() == ("logical",)


def test_nothing_listens_beyond_the_loopback(engines: Endpoints, settings: Settings) -> None:
    ports = json.loads((settings.data / "ports.json").read_text()).values()
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    hosts = {
        host
        for host, _, port in (entry[1].partition(":") for entry in listening if entry[3] == "0A")
        if int(port, 16) in ports
    }
    v4, v6_mapped = "0100007F", "0000000000000000FFFF00000100007F"
    assert hosts <= {v4, v6_mapped}
    assert hosts


def test_the_database_wants_its_password(engines: Endpoints) -> None:
    with (
        pytest.raises(psycopg.OperationalError, match="password authentication failed"),
        psycopg.connect(engines.master_dsn, password="guess"),
    ):
        pass


def test_the_broker_keeps_everything_and_long_texts_beside_offsets(engines: Endpoints) -> None:
    admin = AdminClient(dict(engines.kafka))
    resource = ConfigResource(ResourceType.BROKER, "1")
    found = admin.describe_configs([resource])[resource].result()
    assert found["auto.create.topics.enable"].value == "false"
    assert found["log.retention.hours"].value == "-1"
    consumer = Consumer({**engines.kafka, "group.id": "test-metadata"})
    topic = next(iter(admin.list_topics(timeout=10).topics))
    position = TopicPartition(topic, 0, 0, metadata="x" * OFFSET_TEXT_BYTES)
    try:
        consumer.commit(offsets=[position], asynchronous=False)
        (committed,) = consumer.committed([TopicPartition(topic, 0)], timeout=10)
    finally:
        consumer.close()
    assert len(committed.metadata or "") == OFFSET_TEXT_BYTES


def test_a_taken_port_is_named(engines: Endpoints, settings: Settings, tmp_path: Path) -> None:
    port = int(engines.kafka["bootstrap.servers"].rpartition(":")[2])
    other = settings.model_copy(
        update={"data": tmp_path / "other", "embedded": EmbeddedSettings(kafka_port=port)}
    )
    with (
        pytest.raises(PortTaken, match=f"port {port} .CATALOG_EMBEDDED__KAFKA_PORT"),
        running_engines(other),
    ):
        pass


ASKER = """
import sys, time
from pathlib import Path
from adapters.composition.engines import running_engines
from adapters.composition.settings import load_settings
with running_engines(load_settings(data=Path(sys.argv[1]))):
    print("up", flush=True)
    time.sleep(600)
"""


def test_after_kill_9_nothing_is_left_running_and_nothing_is_lost(
    settings: Settings, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    own = settings.model_copy(update={"data": data})
    command = [sys.executable, "-c", ASKER, str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as asker, killed(asker):
        assert asker.stdout is not None
        assert asker.stdout.readline() == b"up\n"
        before = resolve_endpoints(own)
        httpx.post(f"{before.registry.url}/subjects/kept/versions", json=SCHEMA).raise_for_status()
        with psycopg.connect(before.master_dsn) as connection:
            connection.execute("CREATE TABLE thing (id text PRIMARY KEY)")
            connection.execute("INSERT INTO thing VALUES ('before')")
        _register_connector(before)
        until(lambda: _captured(before) >= 1)
        asker.send_signal(signal.SIGKILL)
    assert read_running(data) is None

    with running_engines(own) as after:  # waits for the leftovers, if any, to be gone
        assert after.connect_url == before.connect_url, "addresses stay where they can"
        subjects = httpx.get(f"{after.registry.url}/subjects").json()
        assert "kept" in subjects
        with psycopg.connect(after.master_dsn) as connection:
            connection.execute("INSERT INTO thing VALUES ('after')")
        until(lambda: _captured(after) >= 2)  # the connector came back by itself


def _register_connector(engines: Endpoints) -> None:
    with psycopg.connect(engines.master_dsn) as connection:
        info = connection.info
        config = {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.hostname": info.host,
            "database.port": str(info.port),
            "database.user": info.user,
            "database.password": info.password,
            "database.dbname": info.dbname,
            "topic.prefix": "kept",
            "plugin.name": "pgoutput",
            "topic.creation.default.replication.factor": "1",
            "topic.creation.default.partitions": "1",
        }
    url = f"{engines.connect_url}/connectors/kept/config"
    httpx.put(url, json=config, timeout=30).raise_for_status()


def _captured(engines: Endpoints) -> int:
    """Records in the table's topic."""
    consumer = Consumer({**engines.kafka, "group.id": "test-count"})
    try:
        if "kept.public.thing" not in consumer.list_topics(timeout=10).topics:
            return 0
        _, end = consumer.get_watermark_offsets(TopicPartition("kept.public.thing", 0), timeout=10)
        return int(end)
    finally:
        consumer.close()

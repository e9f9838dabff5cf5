"""Debezium's JDBC sink connector in Kafka Connect, with its fastest fair settings.

It reads the flat JSON twin of the events, whose schema it is told (`schema.content`): easier food
than Avro with arrays, which its unnest mode can't insert. It runs twice, with a cold and with a
warm JVM, each into an empty table.
"""

import hashlib
import json
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import httpx
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from jgo.maven import MavenContext, PythonResolver

from adapters.embedded.java import (
    Sizing,
    java_command,
    with_class_path,
    write_logging,
    write_properties,
)
from adapters.embedded.maven import JarCache
from adapters.embedded.processes import LOOPBACK, EngineProcess, choose_port, start, wait_until
from bench.data import hold_tracks
from bench.figures import Figure, absent
from bench.measuring import peak_mb
from bench.peers.target import differing_rows, make_target
from bench.stage import JSON_TOPIC, Stage

CASE = "jdbc-sink"
VERSION = "3.6.0.Final"
_SHA256 = "c23af8d416f0f801ffb0271b1a8fd9b5360ff8d66b0dd650e066bb56ecfddc05"
_NAME = f"Debezium JDBC sink {VERSION} (upsert, unnest, reduction buffer, 5,000 a poll, 4 tasks)"
_HEAP_MB = 2048
_START_SECONDS = 120.0
_SECONDS = 600.0
_TYPES = {
    "disc_number": "int32",
    "track_number": "int32",
    "duration_ms": "int32",
    "event_partition": "int32",
    "event_offset": "int64",
    "popularity": "double",
}
_TEXTS = (
    "id",
    "event_id",
    "release_id",
    "recording_id",
    "artist_id",
    "title",
    "version_title",
    "display_artist",
    "kind",
    "parental_warning",
    "url",
)


def run(stage: Stage) -> list[Figure]:
    """Run the connector twice in one worker."""
    try:
        jars = _class_path(stage)
    except Exception as error:  # whatever keeps a peer from running is said, not raised
        return [absent(CASE, _NAME, "events/s", f"can't be fetched: {error}")]
    events = hold_tracks(stage)
    figures = []
    with _worker(stage, jars) as (process, url):
        for temperature in ("cold", "warm"):
            with stage.database("jdbc_sink") as dsn:
                make_target(dsn, "peer")
                seconds, timeline = _sink(stage, url, dsn, temperature)
                wrong = differing_rows(dsn, "peer", stage.scale.track_plan)
            figures.append(
                Figure(
                    CASE,
                    f"{_NAME}, {temperature} JVM",
                    "events/s",
                    events / seconds,
                    seconds=seconds,
                    peak_mb=_memory(process),
                    size=events,
                    timeline=timeline,
                    note="every row right" if not wrong else f"{wrong:,} rows wrong",
                )
            )
    return figures


def _class_path(stage: Stage) -> list[Path]:
    """Kafka Connect's jars as the product locks them, and the sink's own beside them."""
    folder = stage.settings.cache / "bench" / f"jdbc-sink-{VERSION}"
    if not folder.exists():
        mirror = stage.settings.embedded.maven_mirror
        context = MavenContext(
            repo_cache=stage.settings.cache / "m2",
            resolver=PythonResolver(),
            remote_repos=None if mirror is None else {"mirror": mirror},
        )
        component = context.project("io.debezium", "debezium-connector-jdbc").at_version(VERSION)
        archive = component.artifact(classifier="plugin", packaging="tar.gz").resolve()
        with archive.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != _SHA256:
                raise ValueError(f"{archive} isn't the archive that was locked")
        draft = folder.with_name(f"{folder.name}.new")
        with tarfile.open(archive) as tar:
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(draft)  # noqa: S202 - its checksum was verified
        draft.rename(folder)
    connect = JarCache(
        stage.settings.cache, stage.settings.embedded.maven_mirror, stage.report
    ).class_path("connect")
    own = sorted(folder.rglob("*.jar"))
    names = {_artifact(jar) for jar in own}
    kept = [j for j in connect if _artifact(j) not in names and "debezium" not in j.name]
    # of what both have, Connect's own runs the worker
    connects = [j for j in connect if _artifact(j) in names and "debezium" not in j.name]
    replaced = {_artifact(jar) for jar in connects}
    return [*kept, *connects, *(jar for jar in own if _artifact(jar) not in replaced)]


def _artifact(jar: Path) -> str:
    """Name without version: `kafka-clients-4.3.0.jar` → `kafka-clients`."""
    words = jar.stem.split("-")
    return "-".join(word for word in words if not word[:1].isdigit())


@contextmanager
def _worker(stage: Stage, jars: list[Path]) -> Iterator[tuple[EngineProcess, str]]:
    """A Connect worker of its own."""
    home = stage.settings.data / "jdbc-sink"
    home.mkdir(exist_ok=True)
    port = choose_port(None, "", None, set())
    url = f"http://{LOOPBACK}:{port}"
    properties = write_properties(home / "worker.properties", _worker_properties(stage, url))
    process = start(
        "Kafka Connect with the JDBC sink",
        java_command(
            Sizing(_HEAP_MB, full_jit=True),
            options=with_class_path(jars, write_logging(home)),
            arguments=["org.apache.kafka.connect.cli.ConnectDistributed", properties],
        ),
        log=stage.settings.data / "logs" / "jdbc-sink.log",
        cwd=home,
        held=None,
    )
    try:
        wait_until(
            process, lambda: _get(f"{url}/connectors"), seconds=_START_SECONDS, cancelled=Event()
        )
        yield process, url
    finally:
        process.ask_to_stop()
        process.await_stop(10.0)


def _get(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def _worker_properties(stage: Stage, url: str) -> dict[str, object]:
    group = "bench-jdbc-sink"
    return {
        **stage.endpoints.kafka,
        "group.id": group,
        "listeners": url.replace("http", "HTTP"),
        "plugin.discovery": "service_load",
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        **{f"{kind}.storage.topic": f"{group}-{kind}" for kind in ("config", "offset", "status")},
        **{f"{kind}.storage.replication.factor": 1 for kind in ("config", "offset", "status")},
        "offset.storage.partitions": 1,
        "status.storage.partitions": 1,
        "offset.flush.interval.ms": 250,  # how finely its end is seen
        "connector.client.config.override.policy": "All",
    }


def _connector(dsn: str) -> dict[str, str]:
    address = urlsplit(dsn)
    types = dict.fromkeys(_TEXTS, "string") | _TYPES
    schema = {
        "type": "struct",
        "optional": False,
        "fields": [
            {"field": name, "type": kind, "optional": name not in ("id", "event_id")}
            for name, kind in types.items()
        ],
    }
    return {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "topics": JSON_TOPIC,
        "tasks.max": "4",
        "connection.url": f"jdbc:postgresql://{address.hostname}:{address.port}{address.path}"
        "?currentSchema=peer&reWriteBatchedInserts=true",
        "connection.username": str(address.username),
        "connection.password": str(address.password),
        "insert.mode": "upsert",
        "dialect.postgres.unnest.insert.enabled": "true",
        "use.reduction.buffer": "true",
        "batch.size": "5000",
        "primary.key.mode": "record_value",
        "primary.key.fields": "id",
        "schema.evolution": "none",
        "collection.name.format": "track",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "true",
        "value.converter.schema.content": json.dumps(schema),
        "consumer.override.max.poll.records": "5000",
        "consumer.override.max.partition.fetch.bytes": "8388608",
        "consumer.override.auto.offset.reset": "earliest",
    }


def _sink(stage: Stage, url: str, dsn: str, name: str) -> tuple[float, list[tuple[float, int]]]:
    """Run the connector until its group has read everything; seconds since all tasks ran."""
    partitions = range(stage.settings.kafka.partitions)
    admin = AdminClient(dict(stage.endpoints.kafka) | {"log_level": 3})
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    ends = admin.list_offsets({TopicPartition(JSON_TOPIC, n): latest for n in partitions})
    total = sum(answer.result().offset for answer in ends.values())
    connector = f"bench-{name}"
    httpx.put(
        f"{url}/connectors/{connector}/config", json=_connector(dsn), timeout=60
    ).raise_for_status()
    deadline = time.monotonic() + _SECONDS
    while not _is_running(url, connector):
        _check(deadline)
        time.sleep(0.05)
    began = time.monotonic()
    timeline: list[tuple[float, int]] = []
    group = ConsumerGroupTopicPartitions(
        f"connect-{connector}", [TopicPartition(JSON_TOPIC, n) for n in partitions]
    )
    done = 0
    while done < total:
        _check(deadline)
        (answer,) = admin.list_consumer_group_offsets([group]).values()
        done = sum(max(tp.offset, 0) for tp in answer.result().topic_partitions)
        timeline.append((round(time.monotonic() - began, 3), done))
        if _failure(url, connector):
            raise RuntimeError(f"the connector failed: {_failure(url, connector)}")
        time.sleep(0.1)
    seconds = time.monotonic() - began
    httpx.delete(f"{url}/connectors/{connector}", timeout=60).raise_for_status()
    return seconds, timeline


def _status(url: str, connector: str) -> dict[str, Any]:
    answer = httpx.get(f"{url}/connectors/{connector}/status", timeout=10)
    found: dict[str, Any] = answer.json() if answer.is_success else {"tasks": []}
    return found


def _is_running(url: str, connector: str) -> bool:
    tasks = _status(url, connector)["tasks"]
    if trace := next((task["trace"] for task in tasks if task["state"] == "FAILED"), None):
        raise RuntimeError(trace[:600])
    return len(tasks) == 4 and all(task["state"] == "RUNNING" for task in tasks)


def _failure(url: str, connector: str) -> str | None:
    tasks = _status(url, connector)["tasks"]
    return next((task["trace"][:600] for task in tasks if task["state"] == "FAILED"), None)


def _check(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(f"not done after {_SECONDS:.0f} s")


def _memory(process: EngineProcess) -> float:
    supervisor = process.supervisor.pid
    (java,) = (
        Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text(encoding="ascii").split()
    )
    return peak_mb(java)

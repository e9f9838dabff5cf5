"""Apache Kafka in KRaft mode: broker and controller in one process, on the loopback address.

Topics keep everything unless they say otherwise (the log is the truth), and nothing is created
by accident. Committed offsets may carry a longer text, because translation keeps its
deduplication state there.
"""

from __future__ import annotations

import base64
import subprocess
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Event

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from adapters.embedded.java import (
    Sizing,
    java_command,
    with_class_path,
    write_logging,
    write_properties,
)
from adapters.embedded.processes import (
    LOOPBACK,
    EngineFailed,
    EngineProcess,
    accepts_connections,
    start,
    wait_until,
)
from adapters.embedded.state import DataFolder

START_SECONDS = 90.0
LARGEST_MESSAGE = "message.max.bytes"
"""The option of the same name of librdkafka and of a broker."""
FORMAT_SECONDS = 60.0
OFFSET_TEXT_BYTES = 32766
"""The longest text that a committed offset can carry, whatever a broker is set to.

A string of Kafka's protocol has at most 32767 bytes, of which librdkafka takes one more than the
text has; on a longer one the broker closes the connection and gives no reason.
"""


def start_kafka(
    folder: DataFolder,
    jars: list[Path],
    *,
    port: int,
    controller_port: int,
    sizing: Sizing,
    options: Mapping[str, str],
) -> EngineProcess:
    """Format the log folder if there is none, and start the broker on `port`.

    `options` are those of its clients: it takes in what they may send.
    Raises EngineFailed when the log folder can't be formatted.
    """
    home = folder.room("kafka")
    log_folder = home / "log"
    properties = write_properties(
        home / "server.properties", _broker_properties(log_folder, port, controller_port, options)
    )
    class_path = with_class_path(jars, write_logging(home))
    if not (log_folder / "meta.properties").exists():
        _format(home, class_path, properties)
    return start(
        "Kafka",
        java_command(sizing, options=class_path, arguments=["kafka.Kafka", properties]),
        log=folder.path / "logs" / "kafka.log",
        cwd=home,
        held=folder.lock,
    )


def await_kafka(process: EngineProcess, port: int, cancelled: Event) -> None:
    """Wait until the broker answers a client."""
    wait_until(
        process, lambda: accepts_connections(port), seconds=START_SECONDS, cancelled=cancelled
    )
    admin = AdminClient({"bootstrap.servers": f"{LOOPBACK}:{port}", "log_level": 2})

    def answers() -> bool:
        try:
            return bool(admin.list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    wait_until(process, answers, seconds=START_SECONDS, cancelled=cancelled)


def _broker_properties(
    log_folder: Path, port: int, controller_port: int, options: Mapping[str, str]
) -> dict[str, object]:
    largest = options.get(LARGEST_MESSAGE)
    return {
        **({} if largest is None else {LARGEST_MESSAGE: largest}),
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": log_folder,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "offset.metadata.max.bytes": OFFSET_TEXT_BYTES + 1,
        "offsets.retention.minutes": 2147483647,  # a worker may rest longer than a week
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # Connect's group must forget a killed worker quickly, or the next start waits for it
        "group.min.session.timeout.ms": 2000,
        # how long a restart waits until its killed forerunner no longer counts as alive
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        # workers share partitions anew within a second or two, and a killed one is missed after ten
        "group.consumer.min.session.timeout.ms": 2000,
        "group.consumer.session.timeout.ms": 10000,
        "group.consumer.min.heartbeat.interval.ms": 500,
        "group.consumer.heartbeat.interval.ms": 1000,
        "auto.create.topics.enable": "false",
        "log.retention.hours": -1,
    }


def cluster_id(drawn: Iterable[uuid.UUID]) -> str:
    """The first of the drawn ids that a command line takes, as Kafka writes ids: base64url, 22.

    One in 64 begins with a dash and would be read as an option; Kafka's own draw (`Uuid.randomUuid`
    of its clients) passes those over too.
    """
    for one in drawn:
        text = base64.urlsafe_b64encode(one.bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
    raise ValueError("every id that was drawn begins with a dash")


def _format(home: Path, class_path: list[str], properties: Path) -> None:
    cluster = cluster_id(iter(uuid.uuid4, None))
    command = java_command(
        Sizing(heap_mb=128),
        options=class_path,
        arguments=["kafka.tools.StorageTool", "format", "--standalone", "--ignore-formatted"],
    )
    done = subprocess.run(
        [*map(str, command), "-t", cluster, "-c", str(properties)],
        capture_output=True,
        text=True,
        cwd=home,
        timeout=FORMAT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise EngineFailed(f"Kafka's log folder can't be formatted:\n{done.stdout}{done.stderr}")

"""Kafka Connect with Debezium's connectors: one distributed worker on the loopback address.

Distributed rather than standalone, because then connectors and their positions live in Kafka
beside the records they speak of: one state to keep, and none that a killed process can tear.
"""

from __future__ import annotations

from pathlib import Path
from threading import Event

import httpx

from adapters.embedded.java import (
    Sizing,
    java_command,
    with_class_path,
    write_logging,
    write_properties,
)
from adapters.embedded.processes import LOOPBACK, EngineProcess, start, wait_until
from adapters.embedded.state import DataFolder

START_SECONDS = 120.0
GROUP = "catalog-connect"


def start_connect(
    folder: DataFolder,
    jars: list[Path],
    *,
    port: int,
    kafka: dict[str, str],
    sizing: Sizing,
) -> EngineProcess:
    """Start the worker on `port`; `kafka` is the client configuration of the brokers."""
    home = folder.path / "connect"
    home.mkdir(exist_ok=True)
    properties = write_properties(home / "worker.properties", _worker_properties(port, kafka))
    properties.chmod(0o600)
    return start(
        "Kafka Connect",
        java_command(
            sizing,
            options=with_class_path(jars, write_logging(home)),
            arguments=["org.apache.kafka.connect.cli.ConnectDistributed", properties],
        ),
        log=folder.path / "logs" / "connect.log",
        cwd=home,
        held=folder.lock,
    )


def await_connect(process: EngineProcess, url: str, cancelled: Event) -> None:
    """Wait until the worker has joined its group and answers for its connectors."""

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/connectors", timeout=2).is_success
        except httpx.HTTPError:
            return False

    wait_until(process, answers, seconds=START_SECONDS, cancelled=cancelled)


def _worker_properties(port: int, kafka: dict[str, str]) -> dict[str, object]:
    converter = "org.apache.kafka.connect.json.JsonConverter"
    return {
        **kafka,
        "group.id": GROUP,
        "listeners": f"HTTP://{LOOPBACK}:{port}",
        "rest.advertised.host.name": LOOPBACK,
        "rest.advertised.port": port,
        "plugin.discovery": "service_load",  # everything is on the class path; nothing to scan
        "key.converter": converter,
        "value.converter": converter,
        "key.converter.schemas.enable": "false",
        "value.converter.schemas.enable": "false",
        "config.storage.topic": f"{GROUP}-configs",
        "offset.storage.topic": f"{GROUP}-offsets",
        "status.storage.topic": f"{GROUP}-status",
        "config.storage.replication.factor": -1,
        "offset.storage.replication.factor": -1,
        "status.storage.replication.factor": -1,
        "offset.storage.partitions": 1,
        "status.storage.partitions": 1,
        "offset.flush.interval.ms": 1000,
        # One worker: nobody to wait for when it comes back, and a killed one is soon forgotten
        "scheduled.rebalance.max.delay.ms": 0,
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 500,
        "producer.enable.idempotence": "true",
        "producer.acks": "all",
        "connector.client.config.override.policy": "All",
    }

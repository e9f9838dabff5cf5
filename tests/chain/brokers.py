"""Three brokers of one cluster, each of which a test may kill and start again.

Each is broker and controller, so that any one of them may be away. Settings are those of the
embedded broker, but for what one broker alone can't have: replicas.
"""

import subprocess
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import psutil
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from adapters.embedded.java import (
    Sizing,
    java_command,
    with_class_path,
    write_logging,
    write_properties,
)
from adapters.embedded.kafka import _broker_properties, cluster_id
from adapters.embedded.maven import JarCache
from adapters.embedded.processes import LOOPBACK, choose_port, log_tail, start
from tests.chain.processes import Child
from tests.waiting import until

COUNT = 3
_REPLICATED = {
    "default.replication.factor": COUNT,
    "min.insync.replicas": COUNT - 1,
    "offsets.topic.replication.factor": COUNT,
    "transaction.state.log.replication.factor": COUNT,
    "transaction.state.log.min.isr": COUNT - 1,
    "share.coordinator.state.topic.replication.factor": COUNT,
    "share.coordinator.state.topic.min.isr": COUNT - 1,
}


@dataclass
class Brokers:
    """The cluster; `home` must be empty at first."""

    home: Path
    cache: Path
    ports: list[tuple[int, int]] = field(default_factory=list)
    """Of each broker its own and its controller's."""
    running: dict[int, Child] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._jars = JarCache(self.cache, None, lambda _: None, Event()).class_path("kafka")
        taken: set[int] = set()
        for _ in range(2 * COUNT):
            taken.add(choose_port(None, "none", None, taken))
        ports = sorted(taken)
        self.ports = list(zip(ports[:COUNT], ports[COUNT:], strict=True))
        cluster = cluster_id(iter(uuid.uuid4, None))
        for number in range(COUNT):
            self._format(number, cluster)

    @property
    def bootstrap(self) -> str:
        return ",".join(f"{LOOPBACK}:{port}" for port, _ in self.ports)

    def start(self, number: int) -> None:
        """Start one; returns while it starts."""
        folder = self._folder(number)
        process = start(
            f"Kafka {number}",
            java_command(
                Sizing(320),
                options=with_class_path(self._jars, write_logging(folder)),
                arguments=["kafka.Kafka", folder / "server.properties"],
            ),
            log=folder / "kafka.log",
            cwd=folder,
            held=None,
        )
        found: list[psutil.Process] = []

        def has_begun() -> bool:
            with suppress(psutil.NoSuchProcess):
                found[:] = psutil.Process(process.supervisor.pid).children()
            return bool(found) or not process.is_running

        until(has_begun, 10, f"broker {number} starts")
        assert found, log_tail(process.log)
        self.running[number] = Child(process, found[0].pid)

    def kill(self, number: int) -> None:
        """`kill -9`, and wait until the others know."""
        self.running.pop(number).kill()
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 2})

        def is_missed() -> bool:
            with suppress(KafkaException):
                return number not in admin.list_topics(timeout=5).brokers
            return False

        until(is_missed, 60, f"broker {number} is missed")

    def await_whole(self, seconds: float = 120) -> None:
        """Wait until all brokers run and every replica of every partition is in sync."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 2})

        def is_whole() -> bool:
            for number, child in self.running.items():
                assert child.is_running, f"broker {number} ended: {child.output()[-3000:]}"
            try:
                found = admin.list_topics(timeout=5)
            except KafkaException:
                return False
            parts = [part for topic in found.topics.values() for part in topic.partitions.values()]
            return len(found.brokers) == COUNT and all(len(p.isrs) == COUNT for p in parts)

        until(is_whole, seconds, "all replicas are in sync")

    def stop(self) -> None:
        """End all."""
        for child in self.running.values():
            child.supervisor.ask_to_stop()
        for child in self.running.values():
            child.supervisor.await_stop(10)
        self.running.clear()

    def _folder(self, number: int) -> Path:
        return self.home / f"broker-{number}"

    def _format(self, number: int, cluster: str) -> None:
        folder = self._folder(number)
        folder.mkdir(parents=True)
        port, controller = self.ports[number]
        properties = _broker_properties(folder / "log", port, controller, {})
        del properties["controller.quorum.bootstrap.servers"]
        voters = (f"{n}@{LOOPBACK}:{its}" for n, (_, its) in enumerate(self.ports))
        properties |= {
            **_REPLICATED,
            "node.id": number,
            "controller.quorum.voters": ",".join(voters),
        }
        file = write_properties(folder / "server.properties", properties)
        command = java_command(
            Sizing(heap_mb=128),
            options=with_class_path(self._jars, write_logging(folder)),
            arguments=["kafka.tools.StorageTool", "format", "-t", cluster, "-c", file],
        )
        subprocess.run(list(map(str, command)), check=True, capture_output=True, cwd=folder)

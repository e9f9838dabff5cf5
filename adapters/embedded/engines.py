"""Starts the engines whose addresses aren't set, and stops them in order, whatever happens.

Two chains run side by side: PostgreSQL then the registry (which keeps its schemas there), Kafka
then Connect (which keeps its state there). A failure or an interruption of one ends both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from adapters.composition.endpoints import ENGINES, Endpoints, endpoints, given_addresses
from adapters.composition.settings import Settings
from adapters.embedded import connect, kafka, postgres, registry
from adapters.embedded.java import Sizing
from adapters.embedded.maven import DownloadCancelled, JarCache, Report
from adapters.embedded.processes import LOOPBACK, EngineProcess, StartCancelled, choose_port
from adapters.embedded.state import DataFolder, own_data_folder

_STOP_SECONDS = {"connect": 3.0, "registry": 3.0, "kafka": 4.0, "postgres": 4.0}
_STOP_ORDER = (("connect", "registry"), ("kafka", "postgres"))  # users before what they use
_CANCELLED = (StartCancelled, DownloadCancelled)
_INTERNAL_PORTS = ("kafka_controller", "registry_management")


@dataclass
class RunningEngines:
    """What was started: a process for each embedded engine, and the addresses of all."""

    endpoints: Endpoints
    processes: dict[str, EngineProcess] = field(default_factory=dict)

    def check(self) -> None:
        """Raise EngineFailed if an engine ended by itself."""
        for process in self.processes.values():
            if not process.is_running:
                raise process.failure(f"ended (exit code {process.keeper.returncode})")


@contextmanager
def running_engines(
    settings: Settings,
    *,
    only: Collection[str] | None = None,
    fresh: bool = False,
    report: Report = lambda line: None,
) -> Iterator[Endpoints]:
    """`supervised_engines` for who only wants to know where the engines are."""
    with supervised_engines(settings, only=only, fresh=fresh, report=report) as engines:
        yield engines.endpoints


@contextmanager
def supervised_engines(
    settings: Settings,
    *,
    only: Collection[str] | None = None,
    fresh: bool = False,
    report: Report = lambda line: None,
) -> Iterator[RunningEngines]:
    """Start every engine whose address isn't set; on leaving stop them all.

    `only` narrows what is started to some of "kafka", "registry", "connect", "master", "read"
    (with what these need); the endpoints of others are then empty. `fresh` deletes the data
    folder's state first. `report` gets a line for each thing worth telling.

    Raises DataFolderInUse, DataFolderProblem, PortTaken, CacheProblem, SourceProblem,
    EngineFailed: all Failure, all with the cause and what to do.
    """
    given = given_addresses(settings)
    wanted = set(ENGINES if only is None else only) - set(given)
    with own_data_folder(settings.data, fresh=fresh) as folder:
        start = _Start(settings, folder, given, wanted, report)
        try:
            addresses = start.run()
            folder.publish(addresses)
            complete = dict.fromkeys(ENGINES, "") | given | addresses
            yield RunningEngines(endpoints(settings, complete), start.processes)
        finally:
            folder.withdraw()
            _stop(start.processes)


class _Start:
    """One start of the engines: its two chains share the ports, the processes and an end."""

    def __init__(
        self,
        settings: Settings,
        folder: DataFolder,
        given: dict[str, str],
        wanted: set[str],
        report: Report,
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.given = given
        self.wanted = wanted
        self.report = report
        self.processes: dict[str, EngineProcess] = {}
        self.cancelled = Event()
        self.cache = JarCache(
            settings.cache, settings.embedded.maven_mirror, report, self.cancelled
        )
        self.ports = self._choose_ports()

    def run(self) -> dict[str, str]:
        """Start what is wanted; returns the addresses of the embedded engines by name."""
        addresses: dict[str, str] = {}
        chains: list[Callable[[], dict[str, str]]] = []
        if self.wanted & {"master", "read", "registry"}:
            chains.append(self._databases_and_registry)
        if self.wanted & {"kafka", "connect"}:
            chains.append(self._kafka_and_connect)
        with ThreadPoolExecutor(max(len(chains), 1)) as pool:
            futures = [pool.submit(chain) for chain in chains]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                self.cancelled.set()  # a failure, or Ctrl-C while waiting: the other chain ends too
        for result in _results(futures):
            addresses |= result
        return addresses

    def _choose_ports(self) -> dict[str, int]:
        embedded, former = self.settings.embedded, self.folder.former_ports()
        ports: dict[str, int] = {}
        for name in ("kafka", "postgres", "connect", "registry", *_INTERNAL_PORTS):
            wanted = getattr(embedded, f"{name}_port", None)
            setting = f"CATALOG_EMBEDDED__{name.upper()}_PORT"
            ports[name] = choose_port(wanted, setting, former.get(name), set(ports.values()))
        self.folder.remember_ports(ports)
        return ports

    def _sizing(self, name: str) -> Sizing:
        embedded = self.settings.embedded
        return Sizing(getattr(embedded, f"{name}_heap_mb"), embedded.full_jit)

    def _started(self, name: str, process: EngineProcess) -> EngineProcess:
        self.processes[name] = process
        if self.cancelled.is_set():
            raise StartCancelled(name)
        return process

    def _databases_and_registry(self) -> dict[str, str]:
        began = time.monotonic()
        process, server = postgres.start_postgres(self.folder, self.ports["postgres"])
        postgres.await_postgres(self._started("postgres", process), server, self.cancelled)
        self._tell("PostgreSQL", f"{LOOPBACK}:{server.port}", began)
        databases = {"master": "master", "read": "catalog_read"}
        addresses = {
            name: server.url(database)
            for name, database in databases.items()
            if name in self.wanted
        }
        if "registry" in self.wanted:
            application = self.cache.unpacked("registry")
            began = time.monotonic()
            process = registry.start_registry(
                self.folder,
                application,
                server,
                port=self.ports["registry"],
                management_port=self.ports["registry_management"],
                sizing=self._sizing("registry"),
            )
            addresses["registry"] = f"http://{LOOPBACK}:{self.ports['registry']}{registry.PATH}"
            self._started("registry", process)
            registry.await_registry(process, addresses["registry"], self.cancelled)
            self._tell("Schema registry", addresses["registry"], began)
        return addresses

    def _kafka_and_connect(self) -> dict[str, str]:
        addresses: dict[str, str] = {}
        if "kafka" not in self.given:
            jars = self.cache.class_path("kafka")
            began = time.monotonic()
            process = kafka.start_kafka(
                self.folder,
                jars,
                port=self.ports["kafka"],
                controller_port=self.ports["kafka_controller"],
                sizing=self._sizing("kafka"),
            )
            kafka.await_kafka(self._started("kafka", process), self.ports["kafka"], self.cancelled)
            addresses["kafka"] = f"{LOOPBACK}:{self.ports['kafka']}"
            self._tell("Kafka", addresses["kafka"], began)
        if "connect" in self.wanted:
            jars = self.cache.class_path("connect")
            began = time.monotonic()
            options = {n: v.get_secret_value() for n, v in self.settings.kafka.options.items()}
            brokers = {"bootstrap.servers": addresses.get("kafka") or self.given["kafka"]}
            process = connect.start_connect(
                self.folder,
                jars,
                port=self.ports["connect"],
                kafka=brokers | (options if "kafka" in self.given else {}),
                sizing=self._sizing("connect"),
            )
            addresses["connect"] = f"http://{LOOPBACK}:{self.ports['connect']}"
            self._started("connect", process)
            connect.await_connect(process, addresses["connect"], self.cancelled)
            self._tell("Kafka Connect", addresses["connect"], began)
        return addresses

    def _tell(self, name: str, address: str, began: float) -> None:
        self.report(f"{name} answers at {address} after {time.monotonic() - began:.1f} s")


def _results(futures: list[Future[dict[str, str]]]) -> list[dict[str, str]]:
    """Results of all chains; the cause of a failure rather than the cancellation it led to."""
    errors = [error for future in futures if (error := future.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, _CANCELLED)):
        raise error
    return [future.result() for future in futures]


def _stop(processes: dict[str, EngineProcess]) -> None:
    for names in _STOP_ORDER:
        stopping = [(name, processes[name]) for name in names if name in processes]
        for _, process in stopping:
            process.ask_to_stop()
        for name, process in stopping:
            process.await_stop(_STOP_SECONDS[name])

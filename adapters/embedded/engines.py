"""Starts the engines whose addresses aren't set, keeps them running, and stops them in order.

Two chains run side by side: PostgreSQL then the registry (which keeps its schemas there), Kafka
then Connect (which keeps its state there). A failure or an interruption of one ends both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from adapters.embedded import connect, kafka, mariadb, postgres, registry
from adapters.embedded.java import Sizing
from adapters.embedded.maven import DownloadCancelled, JarCache, Report
from adapters.embedded.postgres import Server
from adapters.embedded.processes import (
    LOOPBACK,
    EngineFailed,
    EngineProcess,
    StartCancelled,
    choose_port,
)
from adapters.embedded.restarts import Restarts
from adapters.embedded.state import DataFolder, own_data_folder

ADDRESSES = ("kafka", "registry", "connect", "master", "read")
"""What can be embedded; PostgreSQL serves the last two."""
MARIADB = "mariadb"
"""A foreign master's database, where a plan asks for it."""

_STOP_SECONDS = {"connect": 3.0, "registry": 3.0, "kafka": 4.0, "postgres": 4.0, MARIADB: 10.0}
_STOP_ORDER = (
    ("connect", "registry"),
    ("kafka", "postgres", MARIADB),
)  # users before what they use
_START_ORDER = (
    "postgres",
    "registry",
    "kafka",
    MARIADB,
    "connect",
)  # what is used before its users
_CANCELLED = (StartCancelled, DownloadCancelled)
_INTERNAL_PORTS = ("kafka_controller", "registry_management")
_TITLES = {
    "postgres": "PostgreSQL",
    "registry": "Schema registry",
    "kafka": "Kafka",
    "connect": "Kafka Connect",
    MARIADB: "MariaDB",
}


@dataclass(frozen=True)
class EnginePlan:
    """What is to be started, where and how."""

    data: Path
    cache: Path
    given: Mapping[str, str]
    """Addresses of engines that exist, by the names of ADDRESSES; the others are started."""
    kafka_options: Mapping[str, str] = field(default_factory=dict)
    """Of librdkafka, for the brokers that are given or embedded."""
    prefix: str = ""
    """Of Connect's group on brokers that are shared."""
    ports: Mapping[str, int | None] = field(default_factory=dict)
    """Engine → the port that it must have; None or absent: any free one."""
    heap_mb: Mapping[str, int] = field(default_factory=dict)
    full_jit: bool = False
    maven_mirror: str | None = None
    mariadb: bool = False
    """Whether a MariaDB is started as well, for a foreign master."""
    connectors: tuple[str, ...] = ()
    """Of Debezium, that Connect gets beside those that it has: mariadb, mysql, oracle."""


class RunningEngines:
    """The embedded engines while they run: where they are, and that they go on running."""

    def __init__(self, starter: _Starter, addresses: dict[str, str], report: Report) -> None:
        self.addresses = addresses
        """Of the embedded engines only."""
        self._starter = starter
        self._report = report
        self._restarts = {name: Restarts() for name in starter.processes}

    @property
    def processes(self) -> dict[str, EngineProcess]:
        """Engine → its process now."""
        return self._starter.processes

    def check(self) -> bool:
        """Start again what ended by itself; whether all engines run.

        What is used is started before its users, after a pause that grows, and on the ports that
        it had, so that whoever uses it finds it again. Raises EngineFailed, with the end of the
        log, for one that can't be kept alive.
        """
        for name in _START_ORDER:
            process = self.processes.get(name)
            if process is None or process.is_running:
                continue
            restarts = self._restarts[name]
            code = process.supervisor.returncode
            if restarts.ended():
                if restarts.is_given_up:
                    raise process.failure(
                        f"ended {restarts.failures} times in a row (exit code {code})"
                    )
                again = f"starting it again{restarts.told_pause}"
                self._report(f"{_TITLES[name]} ended (exit code {code}), {again}")
            if not restarts.is_due:
                return False
            process.await_stop(0)  # it has ended; this closes what we hold of it
            try:
                self._starter.start(name)
            except EngineFailed as failed:
                self._report(str(failed))
                self._end(name)
                return False
            finally:
                restarts.started()
        return True

    def _end(self, name: str) -> None:
        """One that never answered is as good as ended."""
        process = self.processes[name]
        process.ask_to_stop()
        process.await_stop(_STOP_SECONDS[name])


@contextmanager
def running_engines(
    plan: EnginePlan,
    *,
    only: Collection[str] | None = None,
    fresh: bool = False,
    report: Report = lambda line: None,
) -> Iterator[RunningEngines]:
    """Start every engine whose address isn't given; on leaving stop them all.

    `only` narrows what is started to some of ADDRESSES (with what these need). `fresh` deletes the
    data folder's state first. `report` gets a line for each thing worth telling.

    Raises DataFolderInUse, DataFolderProblem, PortTaken, CacheProblem, SourceProblem,
    EngineFailed: all Failure, all with the cause and what to do.
    """
    wanted = set(ADDRESSES if only is None else only) - set(plan.given)
    if plan.mariadb:
        wanted.add(MARIADB)
    with own_data_folder(plan.data, fresh=fresh) as folder:
        starter = _Starter(plan, folder, wanted, report)
        try:
            addresses = starter.run()
            folder.publish(addresses)
            yield RunningEngines(starter, addresses, report)
        finally:
            folder.withdraw()
            _stop(starter.processes)


class _Starter:
    """Starts engines: all at first, and one again when it ended.

    The two chains of the first start share the ports, the processes and an end.
    """

    def __init__(
        self, plan: EnginePlan, folder: DataFolder, wanted: set[str], report: Report
    ) -> None:
        self.plan = plan
        self.folder = folder
        self.wanted = wanted
        self.report = report
        self.processes: dict[str, EngineProcess] = {}
        self.cancelled = Event()
        self.cache = JarCache(plan.cache, plan.maven_mirror, report, self.cancelled)
        self.ports = self._choose_ports()

    def run(self) -> dict[str, str]:
        """Start what is wanted; returns the addresses of the embedded engines by name."""
        chains: list[list[str]] = []
        if self.wanted & {"master", "read", "registry"}:
            chains.append(["postgres", *(["registry"] if "registry" in self.wanted else [])])
        if self.wanted & {"kafka", "connect"}:
            own = [] if "kafka" in self.plan.given else ["kafka"]
            chains.append([*own, *(["connect"] if "connect" in self.wanted else [])])
        chains += [[MARIADB]] if MARIADB in self.wanted else []
        with ThreadPoolExecutor(max(len(chains), 1)) as pool:
            futures = [pool.submit(self._start_all, chain) for chain in chains]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                self.cancelled.set()  # a failure, or Ctrl-C while waiting: the other chain ends too
        _raise_first(futures)
        self.cancelled.clear()  # an engine that ends later is started again
        return self._addresses()

    def start(self, name: str) -> None:
        """Start one engine and wait until it answers. Raises EngineFailed, StartCancelled."""
        address = _STARTS[name](self)
        self.report(address)

    def _start_all(self, names: list[str]) -> None:
        for name in names:
            self.start(name)

    def _addresses(self) -> dict[str, str]:
        found: dict[str, str] = {}
        if "postgres" in self.processes:
            databases = {"master": "master", "read": "catalog_read"}
            server = self._server()
            found |= {n: server.url(d) for n, d in databases.items() if n in self.wanted}
        if "registry" in self.processes:
            found["registry"] = self._registry_url()
        if "kafka" in self.processes:
            found["kafka"] = self._brokers()
        if "connect" in self.processes:
            found["connect"] = self._connect_url()
        if MARIADB in self.processes:
            found[MARIADB] = self._house().url
        return found

    def _choose_ports(self) -> dict[str, int]:
        former = self.folder.former_ports()
        ports: dict[str, int] = {}
        for name in ("kafka", "postgres", "connect", "registry", *_INTERNAL_PORTS, MARIADB):
            setting = f"CATALOG_EMBEDDED__{name.upper()}_PORT"
            wanted = self.plan.ports.get(name)
            ports[name] = choose_port(wanted, setting, former.get(name), set(ports.values()))
        self.folder.remember_ports(ports)
        return ports

    def _sizing(self, name: str) -> Sizing:
        return Sizing(self.plan.heap_mb.get(name, 256), self.plan.full_jit)

    def _started(self, name: str, process: EngineProcess) -> EngineProcess:
        self.processes[name] = process
        if self.cancelled.is_set():
            raise StartCancelled(name)
        return process

    def _server(self) -> Server:
        return Server(self.ports["postgres"], self.folder.remember_secret("postgres-password"))

    def _house(self) -> mariadb.HouseServer:
        password = self.folder.remember_secret("mariadb-password")
        return mariadb.HouseServer(self.ports[MARIADB], password)

    def _brokers(self) -> str:
        return self.plan.given.get("kafka") or f"{LOOPBACK}:{self.ports['kafka']}"

    def _registry_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['registry']}{registry.PATH}"

    def _connect_url(self) -> str:
        return connect.connect_url(self.folder, self.ports["connect"])

    def _postgres(self) -> str:
        began = time.monotonic()
        process, server = postgres.start_postgres(self.folder, self.ports["postgres"])
        postgres.await_postgres(self._started("postgres", process), server, self.cancelled)
        return _told("postgres", f"{LOOPBACK}:{server.port}", began)

    def _registry(self) -> str:
        application = self.cache.unpacked("registry")
        began = time.monotonic()
        process = registry.start_registry(
            self.folder,
            application,
            self._server(),
            port=self.ports["registry"],
            management_port=self.ports["registry_management"],
            sizing=self._sizing("registry"),
        )
        self._started("registry", process)
        registry.await_registry(process, self._registry_url(), self.cancelled)
        return _told("registry", self._registry_url(), began)

    def _kafka(self) -> str:
        jars = self.cache.class_path("kafka")
        began = time.monotonic()
        process = kafka.start_kafka(
            self.folder,
            jars,
            port=self.ports["kafka"],
            controller_port=self.ports["kafka_controller"],
            sizing=self._sizing("kafka"),
            options=self.plan.kafka_options,
        )
        kafka.await_kafka(self._started("kafka", process), self.ports["kafka"], self.cancelled)
        return _told("kafka", self._brokers(), began)

    def _connect(self) -> str:
        jars = connect.connect_jars(self.cache, self.plan.connectors)
        began = time.monotonic()
        process = connect.start_connect(
            self.folder,
            jars,
            port=self.ports["connect"],
            kafka={"bootstrap.servers": self._brokers(), **self.plan.kafka_options},
            sizing=self._sizing("connect"),
            group=self.plan.prefix + connect.GROUP,
        )
        self._started("connect", process)
        connect.await_connect(process, self._connect_url(), self.cancelled)
        return _told("connect", f"http://{LOOPBACK}:{self.ports['connect']}", began)

    def _mariadb(self) -> str:
        programs = self.cache.unpacked(MARIADB)
        began = time.monotonic()
        process, server = mariadb.start_mariadb(self.folder, programs, self.ports[MARIADB])
        mariadb.await_mariadb(self._started(MARIADB, process), server, self.cancelled)
        return _told(MARIADB, f"{LOOPBACK}:{server.port}", began)


_STARTS: dict[str, Callable[[_Starter], str]] = {
    "postgres": _Starter._postgres,
    "registry": _Starter._registry,
    "kafka": _Starter._kafka,
    "connect": _Starter._connect,
    MARIADB: _Starter._mariadb,
}


def _told(name: str, address: str, began: float) -> str:
    return f"{_TITLES[name]} answers at {address} after {time.monotonic() - began:.1f} s"


def _raise_first(futures: list[Future[None]]) -> None:
    """Raise the cause of a failure rather than the cancellation it led to."""
    errors = [error for future in futures if (error := future.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, _CANCELLED)):
        raise error


def _stop(processes: dict[str, EngineProcess]) -> None:
    for names in _STOP_ORDER:
        stopping = [(name, processes[name]) for name in names if name in processes]
        for _, process in stopping:
            process.ask_to_stop()
        for name, process in stopping:
            process.await_stop(_STOP_SECONDS[name])

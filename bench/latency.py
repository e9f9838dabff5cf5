"""How soon a commit in the master is visible to a lookup, through the whole chain, under load."""

import multiprocessing
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import psycopg

from adapters.composition.databases import master_connection, read_queries
from adapters.composition.endpoints import Endpoints
from adapters.composition.engines import running_engines
from adapters.composition.preparation import prepare
from adapters.composition.settings import Settings
from adapters.composition.wiring import engine_context
from adapters.read_database.querying import ReadQueries
from adapters.synthetic.catalog import SyntheticCatalog
from adapters.synthetic.load import LoadPlan, run_load
from adapters.synthetic.master import write_catalog
from bench.figures import Figure
from bench.measuring import peak_mb
from bench.scale import SEED, Scale
from domain.identifiers import Identifier, identify
from projections.catalog.queries.lookup import Asked, look_up
from projections.engine.rebuild import ensure_live

CASE = "latency"
_TRACKS = 5_000
_ENTRY = "import sys; from adapters.cli.main import main; sys.exit(main())"
_PATIENCE_SECONDS = 120.0
_IDLE_SECONDS = 15.0
_PAUSE_SECONDS = 0.05
"""Between two probes."""
_LOOK_SECONDS = 0.002
"""Between two looks of one probe: it is the resolution."""
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_TICKS = os.sysconf("SC_CLK_TCK")


def run(settings: Settings, scale: Scale) -> list[Figure]:
    """On engines of its own, with capture, one translator and one projection worker."""
    with running_engines(settings, fresh=True) as endpoints:
        prepare(settings, endpoints, lambda line: None)
        with engine_context(settings, endpoints) as context:
            ensure_live(context)
        with master_connection(endpoints.master_dsn, "bench") as master:
            write_catalog(master, SyntheticCatalog(_TRACKS, SEED))
        with _workers(settings) as workers, _probe(endpoints) as probe:
            probe()  # once it is found, the snapshot is through
            for _ in range(20):
                probe()
            idle = _idle_share(workers["project"].pid)
            samples, changes, seconds = under_load(endpoints, scale)
            after = probe()
            memory = {name: peak_mb(worker.pid) for name, worker in workers.items()}
    name = f"commit → lookup at {scale.rate:.0f} changes/s for {scale.latency_seconds:.0f} s"
    note = f"{len(samples):,} probes, {changes / seconds:.0f} changes/s had, then {after:.0f} ms"
    centiles = statistics.quantiles(samples, n=100, method="inclusive")
    return [
        Figure(CASE, f"{name}, p50", "ms", centiles[49], 60, lower_is_better=True, note=note),
        Figure(CASE, f"{name}, p99", "ms", centiles[98], 150, lower_is_better=True),
        Figure(CASE, f"{name}, worst", "ms", max(samples)),
        Figure(CASE, "idle worker", "% of a core", idle * 100, 1, lower_is_better=True),
        *(
            Figure(CASE, f"memory of {name} live", "MB", mb, 300, lower_is_better=True)
            for name, mb in memory.items()
        ),
    ]


def under_load(endpoints: Endpoints, scale: Scale) -> tuple[list[float], int, float]:
    """Probe while a load runs beside; latencies in ms, changes made, seconds they took."""
    context = multiprocessing.get_context("spawn")
    plan = LoadPlan(scale.rate, scale.latency_seconds, SEED)
    mine, theirs = context.Pipe(duplex=False)
    load = context.Process(target=_load, args=(theirs, endpoints.master_dsn, plan))
    samples: list[float] = []
    with _probe(endpoints) as probe:
        load.start()
        while not mine.poll():
            samples.append(probe())
            time.sleep(_PAUSE_SECONDS)
    changes, seconds = mine.recv()
    load.join()
    return samples, changes, seconds


def _load(answer: Connection, dsn: str, plan: LoadPlan) -> None:
    began = time.monotonic()
    with master_connection(dsn, "bench") as master:
        done = run_load(master, plan)
    answer.send((done.total(), time.monotonic() - began))


@contextmanager
def _probe(endpoints: Endpoints) -> Iterator[Callable[[], float]]:
    """A function that commits a new ISRC and looks it up until it is found; returns ms."""
    with (
        psycopg.connect(endpoints.master_dsn, autocommit=True) as master,
        read_queries(endpoints, "probe") as queries,
    ):

        def probe() -> float:
            isrc = identify("isrc", f"QZ{secrets.choice(_LETTERS)}{secrets.randbelow(10**9):09}")
            row = f"probe/{isrc.value}/{secrets.token_hex(4)}"
            master.execute(
                "INSERT INTO identifier (id, owner_type, owner_id, scheme, value_raw, value,"
                " is_valid) VALUES (%s, 'recording', %s, 'isrc', %s, %s, true)",
                (row, f"syn:{SEED}:s0", isrc.raw, isrc.value),
            )
            committed = time.monotonic()
            while not _is_found(queries, isrc):
                if time.monotonic() - committed > _PATIENCE_SECONDS:
                    raise TimeoutError(f"{isrc.value} isn't found after {_PATIENCE_SECONDS:.0f} s")
                time.sleep(_LOOK_SECONDS)
            return (time.monotonic() - committed) * 1000

        yield probe


def _is_found(queries: ReadQueries, isrc: Identifier) -> bool:
    (answer,) = look_up(queries.rows, [Asked(isrc)])
    return bool(answer.entries)


@contextmanager
def _workers(settings: Settings) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """A translator and a projection worker, as `catalog up` runs them."""
    environment = os.environ | {"CATALOG_DATA": str(settings.data)}
    logs = settings.data / "logs"
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name in ("translate", "project"):
            with (logs / f"{name}.log").open("wb") as log:
                started[name] = subprocess.Popen(
                    [sys.executable, "-c", _ENTRY, name], stdout=log, stderr=log, env=environment
                )
        yield started
    finally:
        for worker in started.values():
            worker.terminate()
        for worker in started.values():
            worker.wait(30)


def _idle_share(pid: int) -> float:
    """Share of a core that a process uses while nothing happens."""
    before = _cpu_seconds(pid)
    time.sleep(_IDLE_SECONDS)
    return (_cpu_seconds(pid) - before) / _IDLE_SECONDS


def _cpu_seconds(pid: int) -> float:
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS

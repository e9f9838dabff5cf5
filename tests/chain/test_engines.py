"""`catalog up` through the death of each engine: it starts them again, and all goes on."""

import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil
import psycopg
import pytest

from adapters.composition.endpoints import resolve_endpoints
from adapters.composition.settings import load_settings
from adapters.embedded.processes import start
from tests.chain.agreement import disagreements
from tests.chain.processes import CATALOG, ROOT, Chain, Child, until

pytestmark = pytest.mark.integration

ENGINES = {
    "Kafka": "kafka.Kafka",
    "Kafka Connect": "ConnectDistributed",
    "PostgreSQL": "pginstall/bin/postgres",
    "Schema registry": "quarkus-run.jar",
}
"""Title → what its command line holds."""


@pytest.fixture
def up() -> Iterator[Chain]:
    """A chain of its own under `catalog up`."""
    with TemporaryDirectory(prefix="catalog-up-") as folder:
        Path(folder).chmod(0o711)
        settings = load_settings(data=Path(folder) / "data")
        process = start(
            "up",
            [*CATALOG, "up"],
            log=Path(folder) / "up.log",  # the data folder must be empty at first
            cwd=ROOT,
            held=None,
            env=Chain(settings, None)._environment(),  # type: ignore[arg-type]
        )
        until(lambda: bool(psutil.Process(process.supervisor.pid).children()), 10, "it starts")
        child = Child(process, psutil.Process(process.supervisor.pid).children()[0].pid)
        try:
            until(lambda: "Ctrl-C stops" in child.output() or not child.is_running, 180, "it is up")
            assert child.is_running, child.output()
            yield Chain(settings, resolve_endpoints(settings), {"up": child})
        finally:
            child.stop()


def _kill(chain: Chain, holds: str) -> None:
    """`kill -9` an engine of this chain, not its supervisor."""
    up = psutil.Process(chain.children["up"].pid)
    engine = next(
        process
        for supervisor in up.children()
        for process in supervisor.children()
        if holds in " ".join(process.cmdline())
    )
    engine.send_signal(signal.SIGKILL)


def test_engines_that_die_are_started_again_and_nothing_is_lost(up: Chain) -> None:
    for number, (title, holds) in enumerate(ENGINES.items()):
        with psycopg.connect(up.endpoints.master_dsn, autocommit=True) as master:
            master.execute("INSERT INTO party (id, name) VALUES (%s, 'before')", (f"p{number}",))
        _kill(up, holds)
        told = f"{title} answers at "
        times = up.children["up"].output().count(told)
        until(
            lambda: up.children["up"].output().count(told) > times,  # noqa: B023
            120,
            f"{title} is started again",
        )
        with psycopg.connect(up.endpoints.master_dsn, autocommit=True) as master:
            master.execute("UPDATE party SET name = 'after' WHERE id = %s", (f"p{number}",))
        up.idle(180)
        assert disagreements(up.endpoints) == []
    answer = httpx.get(f"{up.endpoints.connect_url}/connectors/master/config").json()
    assert answer["database.password"].startswith("${file:")

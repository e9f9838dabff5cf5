"""SIGTERM ends every process of ours within 10 s and with exit code 0; what it had begun is whole
or was never there.
"""

import json
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Thread

import httpx
import psutil
import psycopg
import pytest

from adapters.api.server import listen
from adapters.composition.chain import chain_status
from adapters.read_database.generation_rows import LOCK_KEY, writing
from projections.catalog import CATALOG
from tests.chain.agreement import disagreements
from tests.chain.loading import Load
from tests.chain.processes import Chain
from tests.chain.size import Size
from tests.waiting import until

pytestmark = pytest.mark.integration

STOP_SECONDS = 10


class _Running:
    """A command and what it has said so far on stderr."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.said = ""
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with suppress(ValueError):  # it was closed: the test is over
            for line in self.process.stderr:
                self.said += line

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; the exit code. Fails where it takes longer than is allowed."""
        assert self.process.poll() is None, self.said
        self.process.send_signal(number)
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            self._reader.join(1)


@contextmanager
def _running(chain: Chain, *command: str) -> Iterator[_Running]:
    with chain.popen(*command) as process:
        try:
            yield _Running(process)
        finally:
            process.kill()


def _free_port() -> int:
    with listen("127.0.0.1", 0) as listening:
        return int(listening.getsockname()[1])


def _members(chain: Chain, model: str) -> int:
    status = chain_status(chain.settings, chain.endpoints)
    return sum(group.members for group in status.groups if group.read_model == model)


def test_workers_stop_under_load(chain: Chain, size: Size) -> None:
    """Others take over at once, and nothing is lost."""
    chain.stop("translate", "project")
    with Load(chain, size.rate):
        with (
            _running(chain, "translate", "--instance", "chain") as translate,
            _running(chain, "project") as project,
        ):
            before = _position(chain)
            until(lambda: _position(chain) > before, 90, "events are translated and projected")
            assert (translate.terminate(), project.terminate()) == (0, 0)
        for one in (translate, project):
            assert '"event": "stopped"' in one.said
        until(lambda: _members(chain, "catalog") == 0, 5, "it has left its group")
        chain.start("translate", ("translate", "--instance", "chain"))
        chain.start("project", ("project",))
    chain.idle(180)
    assert disagreements(chain.endpoints) == []


def test_workers_stop_though_the_brokers_hang(chain: Chain, size: Size) -> None:
    chain.stop("translate", "project")
    (kafka,) = _brokers(chain)
    with (
        Load(chain, size.rate),
        _running(chain, "translate", "--instance", "chain") as translate,
        _running(chain, "project") as project,
    ):
        before = _position(chain)
        until(lambda: _position(chain) > before, 90, "events are translated and projected")
        kafka.suspend()
        try:
            codes = translate.terminate(), project.terminate()
        finally:
            kafka.resume()
    assert codes == (0, 0), translate.said + project.said
    chain.start("translate", ("translate", "--instance", "chain"))
    chain.start("project", ("project",))
    chain.idle(180)
    assert disagreements(chain.endpoints) == []


def _brokers(chain: Chain) -> list[psutil.Process]:
    folder = str(chain.settings.data / "kafka")
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "java"
        and any(word.startswith(folder) for word in process.info["cmdline"] or ())
    ]


def _position(chain: Chain) -> int:
    """Offsets that projection has passed."""
    with psycopg.connect(chain.endpoints.read_dsn) as connection:
        found = connection.execute("SELECT sum(position) FROM engine.checkpoint").fetchone()
    return 0 if found is None else int(str(found[0]))


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (("serve",), "/health/live"),
        (("serve", "--workers", "2"), "/health/live"),
        (("dashboard",), "/"),
    ],
    ids=" ".join,
)
def test_servers_stop_with_clients_connected(
    chain: Chain, command: Sequence[str], path: str
) -> None:
    port = _free_port()
    with (
        _running(chain, *command, "--port", str(port)) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):

        def answers() -> bool:
            try:
                return client.get(path).status_code == 200
            except httpx.TransportError:
                return False

        until(answers, 60, "it answers")
        assert server.terminate() == 0, server.said


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "Ctrl-C"]
)
def test_a_rebuild_is_stopped_in_the_midst_of_a_transaction_and_goes_on(
    chain: Chain, size: Size, number: signal.Signals, code: int
) -> None:
    with Load(chain, size.rate):
        pass
    chain.idle(180)
    number_of_next = max(_generations(chain)) + 1
    with psycopg.connect(chain.endpoints.read_dsn) as blocking:
        # What a switch holds to keep writers out
        lock = (writing(number_of_next), CATALOG.name)
        blocking.execute(f"SELECT pg_advisory_xact_lock({LOCK_KEY})", lock)
        with _running(chain, "rebuild", "--no-switch") as rebuild:
            until(lambda: _waits(chain), 60, f"it waits within its transaction: {rebuild.said}")
            assert rebuild.terminate(number) == code, rebuild.said
        assert "goes on where it was" in rebuild.said
        assert "Traceback" not in rebuild.said
    assert _generations(chain)[number_of_next] == "filling"
    done = json.loads(chain.catalog("rebuild", "--json"))
    assert (done["generation"], done["switched"]) == (number_of_next, True)
    assert disagreements(chain.endpoints) == []


def _generations(chain: Chain) -> dict[int, str]:
    with psycopg.connect(chain.endpoints.read_dsn) as connection:
        return dict(connection.execute("SELECT number, phase FROM engine.generation").fetchall())


def _waits(chain: Chain) -> bool:
    """Whether somebody waits to write to a generation."""
    with psycopg.connect(chain.endpoints.read_dsn) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ).fetchone()
    return found is not None and int(str(found[0])) > 0

"""Commands of `catalog` as processes of their own that a test may kill, pause and start again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from adapters.composition.chain import await_idle
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.embedded.processes import EngineProcess, log_tail, start
from tests.chain.forking import Done, forking
from tests.waiting import until

ROOT = Path(__file__).parents[2]
CATALOG = (sys.executable, "-c", "import sys; from adapters.cli.main import main; sys.exit(main())")
TRANSLATE = ("translate", "--instance", "chain")
PROJECT = ("project",)
NEW_RELEASES = ("project", "--model", "new_releases")


@dataclass
class Child:
    """A running command under a supervisor, so that it can't outlive the test run."""

    supervisor: EngineProcess
    pid: int

    @property
    def is_running(self) -> bool:
        return self.supervisor.is_running

    def signal(self, number: signal.Signals) -> None:
        """SIGKILL, SIGSTOP, SIGCONT: to the command itself, not to its supervisor."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self.supervisor.supervisor.wait(10)
        self.supervisor.await_stop(1)

    def stop(self) -> str:
        """End it in an orderly way; returns what it printed."""
        self.supervisor.ask_to_stop()
        self.supervisor.await_stop(15)
        return self.output()

    def output(self) -> str:
        """What it printed so far, on both streams."""
        return self.supervisor.log.read_text(encoding="utf-8", errors="replace")


@dataclass(frozen=True)
class Watched:
    """What came of a command."""

    code: int
    out: str
    errors: str
    peak: float
    """Most resident memory, in MB."""
    seconds: float


@dataclass
class Chain:
    """The engines with master, topics, contracts and capture prepared, and processes on them."""

    settings: Settings
    endpoints: Endpoints
    children: dict[str, Child] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str], prefix: Sequence[str] = CATALOG) -> Child:
        """Start a command under a name; what still runs under that name is left as it is.

        Fails when what had that name ended by itself.
        """
        if (running := self.children.get(name)) is not None:
            assert running.is_running, f"{name} ended by itself: {running.output()}"
            return running
        process = start(
            name,
            [*prefix, *command],
            log=self.settings.data / "logs" / f"chain-{name}.log",
            cwd=ROOT,
            held=None,
            env=self._environment(),
        )
        found: list[psutil.Process] = []

        def has_child() -> bool:
            with suppress(psutil.NoSuchProcess):
                found[:] = psutil.Process(process.supervisor.pid).children()
            return bool(found) or not process.is_running

        until(has_child, 10, f"{name} starts")
        assert found, log_tail(process.log)
        self.children[name] = Child(process, found[0].pid)
        return self.children[name]

    def kill(self, name: str) -> None:
        """`kill -9` what runs under this name."""
        child = self.children.pop(name)
        assert child.is_running, f"{name} ended by itself: {child.output()}"
        child.kill()

    def stop(self, *names: str) -> None:
        """End these in an orderly way."""
        for name in names:
            child = self.children.pop(name, None)
            if child is not None:
                child.stop()

    def popen(self, *arguments: str, prefix: Sequence[str] = CATALOG) -> "subprocess.Popen[str]":
        """A command whose streams the test holds; the test must end it."""
        return subprocess.Popen(
            [*prefix, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=self._environment(),
        )

    def catalog(
        self, *arguments: str, codes: Sequence[int] = (0,), given: str = "", seconds: float = 300
    ) -> str:
        """Run a command to its end; returns its standard output, fails on other exit codes."""
        done = self.run(*arguments, given=given, seconds=seconds)
        assert done.code in codes, f"catalog {' '.join(arguments)}: {done.errors}{done.out}"
        return done.out

    def run(self, *arguments: str, given: str = "", seconds: float = 300) -> Done:
        """Run a command to its end, whatever its exit code."""
        return forking().run(arguments, self._environment(), given, seconds)

    def watched(self, *arguments: str, seconds: float = 300) -> "Watched":
        """Run a command to its end, and watch its memory meanwhile."""
        began, peak = time.monotonic(), 0.0
        with self.popen(*arguments) as process, ThreadPoolExecutor(1) as pool:
            ended = pool.submit(process.communicate, timeout=seconds)
            try:
                while not ended.done():
                    peak = max(peak, peak_memory(process.pid))
                    wait([ended], 0.1)
                out, errors = ended.result()
            finally:
                process.kill()
        return Watched(process.returncode, out, errors, peak, time.monotonic() - began)

    def look_up(self, scheme: str, values: Sequence[str]) -> list[dict[str, Any]]:
        """Answers of `catalog lookup SCHEME - --json`, in order; a malformed number has none."""
        out = self.catalog("lookup", scheme, "-", "--json", given="".join(f"{v}\n" for v in values))
        answers = [{"matches": []} | json.loads(line) for line in out.splitlines()]
        assert len(answers) == len(values)
        return answers

    def idle(self, seconds: float = 120) -> float:
        """Wait until all that is in the master is in the read catalog; returns the seconds."""
        began = time.monotonic()
        await_idle(self.settings, self.endpoints, seconds=seconds)
        return time.monotonic() - began

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR")}
        ours = {k: v for k, v in os.environ.items() if k.startswith("CATALOG_")}
        return {
            **kept,
            **ours,
            "CATALOG_DATA": str(self.settings.data),
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",
            "TZ": "UTC",
        }


def peak_memory(pid: int) -> float:
    """Most resident memory that a process ever had, in MB (what it has now, but on Linux)."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    with suppress(psutil.NoSuchProcess):
        return float(psutil.Process(pid).memory_info().rss / 1e6)
    return 0.0

"""What is kept running: a worker's process, and a connector, started again when they end."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adapters.capture.connect import Connect, ConnectProblem
from adapters.composition.settings import Settings
from adapters.embedded.processes import EngineProcess, start
from adapters.embedded.restarts import Restarts

STOP_SECONDS = 8.0
_CONNECTOR_SECONDS = 5.0
_ENTRY = "import sys; from adapters.cli.main import main; sys.exit(main())"


@dataclass(frozen=True)
class WorkerCommand:
    """A command of `catalog` that goes on until it is told to stop."""

    name: str
    arguments: tuple[str, ...]


class Kept:
    """A worker's command and the process that runs it now."""

    def __init__(self, command: WorkerCommand, settings: Settings, index: int) -> None:
        self.command = command
        self._index = index
        self._settings = settings
        self._restarts = Restarts()
        self._start()

    def _start(self) -> None:
        self.process = worker_process(self.command, self._settings, self._index)
        self._restarts.started()

    def check(self, report: Callable[[str], None]) -> None:
        """Start the process again if it ended; raise EngineFailed when that does not help."""
        if self.process.is_running:
            return
        code = self.process.supervisor.returncode
        if self._restarts.ended():
            if self._restarts.is_given_up:
                times = self._restarts.failures
                raise self.process.failure(f"ended {times} times in a row (exit code {code})")
            again = f"starting it again{self._restarts.told_pause}"
            report(f"{self.command.name} ended (exit code {code}), {again}")
        if self._restarts.is_due:
            self.process.await_stop(0)  # it has ended; this closes what we hold of it
            self._start()


class KeptConnector:
    """The capture connector: started again where it failed, until that does not help."""

    def __init__(
        self,
        connect: Connect,
        name: str,
        restarts: Restarts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._name = name
        self._restarts = restarts or Restarts()
        self._clock = clock
        self._asked = clock()

    def check(self, report: Callable[[str], None]) -> None:
        """Look at it every few seconds. What can't be asked is left to who keeps Connect up."""
        if self._clock() - self._asked < _CONNECTOR_SECONDS:
            return
        self._asked = self._clock()
        with suppress(ConnectProblem):
            status = self._connect.status(self._name)
            if "FAILED" not in (status.state, status.task):
                self._restarts.runs()
                return
            if self._restarts.ended():
                pause = self._restarts.told_pause
                again = "" if self._restarts.is_given_up else f", starting it again{pause}"
                report(f"the connector {self._name} failed ({status.trace}){again}")
            if self._restarts.is_due and not self._restarts.is_given_up:
                self._connect.restart(self._name)
                self._restarts.started()


def worker_process(command: WorkerCommand, settings: Settings, index: int) -> EngineProcess:
    ours = {k: v for k, v in os.environ.items() if k.startswith(("CATALOG_", "OTEL_"))}
    if settings.metrics.port is not None:  # a port a process
        ours["CATALOG_METRICS__PORT"] = str(settings.metrics.port + index)
    return start(
        command.name,
        [sys.executable, "-c", _ENTRY, *command.arguments],
        log=settings.data / "logs" / f"{command.name}.log",
        cwd=Path.cwd(),  # where `catalog.toml` may be
        held=None,
        env={**ours, "CATALOG_DATA": str(settings.data), "PYTHONUNBUFFERED": "1"},
    )

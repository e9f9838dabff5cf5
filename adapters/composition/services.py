"""The workers that `catalog up` keeps running: each a process of its own, and replaced if it ends.

They are the commands that a production installation runs under its own supervisor: nothing is
special about a worker that `up` started; it may be killed at any moment, and is then replaced.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from adapters.capture.connect import Connect, ConnectProblem
from adapters.composition import clients
from adapters.composition.endpoints import Endpoints
from adapters.composition.preparation import prepare
from adapters.composition.settings import Settings
from adapters.composition.topology import READ_MODELS
from adapters.embedded.processes import EngineProcess, start
from adapters.embedded.restarts import Restarts

_STOP_SECONDS = 8.0
_CONNECTOR_SECONDS = 5.0
_ENTRY = "import sys; from adapters.cli.main import main; sys.exit(main())"


@dataclass(frozen=True)
class WorkerCommand:
    """A command of `catalog` that goes on until it is told to stop."""

    name: str
    arguments: tuple[str, ...]


class _Kept:
    """A worker's command and the process that runs it now."""

    def __init__(self, command: WorkerCommand, settings: Settings, index: int) -> None:
        self.command = command
        self._index = index
        self._settings = settings
        self._restarts = Restarts()
        self._start()

    def _start(self) -> None:
        self.process = _process(self.command, self._settings, self._index)
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


class _KeptConnector:
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


@contextmanager
def kept_running(
    commands: Sequence[WorkerCommand], settings: Settings, report: Callable[[str], None]
) -> Iterator[Callable[[], None]]:
    """Run `commands` until the context is left; what it yields must be called now and then.

    That call starts again what ended, and raises EngineFailed (with the end of the log) when
    one ends again and again.
    """
    kept: list[_Kept] = []
    try:
        for command in commands:
            kept.append(_Kept(command, settings, len(kept)))

        def check() -> None:
            for one in kept:
                one.check(report)

        yield check
    finally:
        for one in kept:
            one.process.ask_to_stop()
        for one in kept:
            one.process.await_stop(_STOP_SECONDS)


@contextmanager
def alongside(commands: Sequence[WorkerCommand], settings: Settings) -> Iterator[None]:
    """Run `commands` until each has ended, or the context is left."""
    running: list[EngineProcess] = []
    try:
        for index, command in enumerate(commands):
            running.append(_process(command, settings, index))
        yield
    finally:
        for one in running:
            one.ask_to_stop()
        for one in running:
            one.await_stop(_STOP_SECONDS)


def _process(command: WorkerCommand, settings: Settings, index: int) -> EngineProcess:
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


WORKERS = (
    WorkerCommand("translate", ("translate",)),
    *(
        WorkerCommand(f"project-{model.name}", ("project", "--model", model.name))
        for model in READ_MODELS
    ),
)
"""What `catalog up` keeps running."""

INBOX = WorkerCommand("inbox", ("inbox",))
"""It does so too where settings name an inbox."""


def workers(settings: Settings) -> tuple[WorkerCommand, ...]:
    """What `catalog up` keeps running under these settings."""
    return (*WORKERS, INBOX) if settings.inbox.where else WORKERS


@contextmanager
def running_workers(
    settings: Settings, endpoints: Endpoints, report: Callable[[str], None]
) -> Iterator[Callable[[], None]]:
    """Prepare what is outside, and run the workers until the context is left.

    Yields a function that is called twice per second and raises a Failure when a worker ends
    again and again. It also starts a connector again that failed, as it does when its database or
    Kafka was away for long.
    """
    prepare(settings, endpoints, report)
    capture = _KeptConnector(clients.kafka_connect(endpoints), settings.connect.connector)
    commands = workers(settings)
    with kept_running(commands, settings, report) as check:
        report(f"workers: {', '.join(one.name for one in commands)}")

        def check_all() -> None:
            check()
            capture.check(report)

        yield check_all

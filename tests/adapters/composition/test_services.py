"""Workers of `catalog up`: started again when one ends, given up when that does not help."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from math import inf
from pathlib import Path
from typing import Any

import pytest

from adapters.capture.connect import ConnectorStatus
from adapters.composition import kept
from adapters.composition.kept import KeptConnector, WorkerCommand
from adapters.composition.services import kept_running
from adapters.composition.settings import Settings, load_settings
from adapters.embedded import restarts
from adapters.embedded.processes import EngineFailed, EngineProcess, start
from adapters.embedded.restarts import ATTEMPTS, Restarts


@dataclass
class Workers:
    """Stand-ins for the commands: a service lives until it is stopped, or ends at once."""

    settings: Settings
    started: list[EngineProcess] = field(default_factory=list)

    def start(self, service: WorkerCommand, settings: Settings, *_: object) -> EngineProcess:
        command = ["/bin/sh", "-c", "exit 3" if service.name == "failing" else "exec sleep 60"]
        log = settings.data / f"{service.name}.log"
        process = start(service.name, command, log=log, cwd=Path.cwd(), held=None)
        self.started.append(process)
        return process


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workers:
    made = Workers(load_settings(data=tmp_path))
    monkeypatch.setattr(kept, "worker_process", made.start)
    return made


def test_a_worker_that_was_killed_is_started_again(workers: Workers) -> None:
    said: list[str] = []
    with kept_running([WorkerCommand("steady", ())], workers.settings, said.append) as check:
        check()
        assert said == []
        os.kill(workers.started[0].supervisor.pid, signal.SIGKILL)
        workers.started[0].supervisor.wait()
        check()
        assert workers.started[1].is_running
        assert "starting it again" in said[0]
    assert not workers.started[1].is_running


def test_a_worker_that_always_ends_is_an_error_with_its_log(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check_until_given_up(check: Callable[[], None]) -> None:
        while True:
            check()

    hours = count(0, 3600)  # the pauses are over at once, and no life is long
    monkeypatch.setattr(restarts, "HEALTHY_SECONDS", inf)
    monkeypatch.setattr(kept, "Restarts", lambda: Restarts(clock=lambda: float(next(hours))))
    with (
        kept_running([WorkerCommand("failing", ())], workers.settings, lambda _: None) as check,
        pytest.raises(EngineFailed, match=r"(?s)failing ended 6 times in a row.*--no-workers"),
    ):
        check_until_given_up(check)
    assert len(workers.started) == 6


class FailingConnect:
    """Kafka Connect whose connector fails as often as it is told."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.restarted = 0

    def status(self, name: str) -> ConnectorStatus:
        is_failed = self.restarted < self.failures
        return ConnectorStatus(name, "RUNNING", "FAILED" if is_failed else "RUNNING", "no database")

    def restart(self, _: str) -> None:
        self.restarted += 1


@pytest.mark.parametrize(("failures", "restarted"), [(2, 2), (99, ATTEMPTS - 1)])
def test_a_connector_that_failed_is_started_again_but_not_for_ever(
    failures: int, restarted: int
) -> None:
    seconds = count(0, 6)  # a look each six seconds: pauses pass, and no life is long
    said: list[str] = []
    connect: Any = FailingConnect(failures)
    clock = FakeClock(seconds)
    kept = KeptConnector(connect, "master", Restarts(clock.now), clock.now)
    for _ in range(100):
        clock.tick()
        kept.check(said.append)
    assert connect.restarted == restarted
    assert said[0] == "the connector master failed (no database), starting it again"
    assert len(said) == min(failures, ATTEMPTS)


class FakeClock:
    """Goes on when it is told to."""

    def __init__(self, times: Iterator[int]) -> None:
        self._times = times
        self._now = 0.0

    def tick(self) -> None:
        self._now = float(next(self._times))

    def now(self) -> float:
        return self._now

"""What ended is started again: in order, after a growing pause, and not for ever."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.embedded import engines
from adapters.embedded.engines import RunningEngines
from adapters.embedded.processes import EngineFailed, EngineProcess, start
from adapters.embedded.restarts import ATTEMPTS, HEALTHY_SECONDS, Restarts, pause_after


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_pause_grows_up_to_a_bound() -> None:
    assert [pause_after(n) for n in range(1, 10)] == [0, 1, 2, 4, 8, 16, 30, 30, 30]
    assert pause_after(10**9) == 30


def test_a_life_is_forgiven_and_no_life_is_not() -> None:
    clock = Clock()
    one = Restarts(clock)
    for failures in range(1, ATTEMPTS + 1):
        assert not one.is_given_up
        one.started()
        assert one.ended()
        assert not one.ended(), "told once"
        assert one.failures == failures
        assert one.is_due is (failures == 1)
        clock.now += pause_after(failures)
        assert one.is_due
    assert one.is_given_up
    one.started()
    clock.now += HEALTHY_SECONDS
    assert one.ended()
    assert (one.failures, one.is_given_up) == (1, False)


def test_what_somebody_else_started_may_end_again() -> None:
    clock = Clock()
    one = Restarts(clock)
    assert one.ended()
    one.runs()
    clock.now += HEALTHY_SECONDS
    one.runs()
    assert one.ended(), "news again"
    assert one.failures == 1


class Starter:
    """Starts a shell in the place of an engine; `fails` are engines that don't answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[str, EngineProcess] = {}
        self.started: list[str] = []
        self.fails: set[str] = set()

    def start(self, name: str) -> None:
        self.started.append(name)
        log = self.folder / f"{name}.log"
        command = ["/bin/sh", "-c", "exec sleep 60"]
        self.processes[name] = start(name, command, log=log, cwd=self.folder, held=None)
        if name in self.fails:
            raise EngineFailed(f"{name} didn't answer")

    def kill(self, name: str) -> None:
        supervisor = self.processes[name].supervisor
        supervisor.kill()
        supervisor.wait()


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    clock = Clock()
    monkeypatch.setattr(engines, "Restarts", lambda: Restarts(clock))
    starter = Starter(tmp_path)
    for name in ("postgres", "registry", "kafka", "connect"):
        starter.start(name)
    starter.started.clear()
    said: list[str] = []
    made: Any = starter
    yield RunningEngines(made, {}, said.append), starter, clock, said
    for process in starter.processes.values():
        process.await_stop(0)


def test_engines_that_end_are_started_again_before_their_users(running: Any) -> None:
    engine, starter, _, said = running
    assert engine.check()
    for name in ("connect", "kafka", "postgres"):
        starter.kill(name)
    assert engine.check()
    assert starter.started == ["postgres", "kafka", "connect"]
    assert all(process.is_running for process in starter.processes.values())
    assert said[0].startswith("PostgreSQL ended (exit code ")
    assert said[0].endswith("starting it again")


def test_what_uses_an_engine_waits_for_it(running: Any) -> None:
    engine, starter, clock, said = running
    starter.fails.add("kafka")
    starter.kill("kafka")
    starter.kill("connect")
    assert not engine.check()
    assert starter.started == ["kafka"], "connect would only fail, too"
    assert not engine.check()
    assert said[-1].endswith("starting it again in 1 s")
    starter.fails.clear()
    clock.now += 1
    assert engine.check()
    assert starter.started == ["kafka", "kafka", "connect"]


def test_one_that_cant_be_kept_alive_is_given_up(running: Any) -> None:
    engine, starter, clock, _ = running
    starter.fails.add("kafka")
    starter.kill("kafka")

    def check_until_given_up(check: Callable[[], bool]) -> None:
        while True:
            check()
            clock.now += HEALTHY_SECONDS / 2

    with pytest.raises(EngineFailed, match=f"ended {ATTEMPTS} times in a row"):
        check_until_given_up(engine.check)
    assert starter.started == ["kafka"] * (ATTEMPTS - 1)

"""The promise that no engine outlives its asker, tried with small programs instead of engines."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from adapters.embedded.processes import (
    EngineFailed,
    EngineProcess,
    PortTaken,
    StartCancelled,
    choose_port,
    start,
    wait_until,
)
from adapters.embedded.state import DataFolder, own_data_folder

# says its pid, then waits for ever; on SIGTERM it says so and ends, unless it is stubborn
from tests.beside import killed

PROGRAM = """
import os, signal, sys, time
def end(*_):
    print("asked to stop", flush=True)
    if sys.argv[1] != "stubborn":
        sys.exit(0)
signal.signal(signal.SIGTERM, end)
print(os.getpid(), flush=True)
while True:
    time.sleep(0.01)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DataFolder]:
    with own_data_folder(tmp_path / "data", fresh=False) as owned:
        yield owned


def run(folder: DataFolder, *command: str) -> EngineProcess:
    return start(
        "engine",
        [sys.executable, *command],
        log=folder.path / "logs" / "engine.log",
        cwd=folder.path,
        held=folder.lock,
    )


def pid_in(log: Path) -> int | None:
    lines = log.read_text().splitlines()
    return int(lines[0]) if lines else None


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for a condition, not for a time."""
    pause = Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    pytest.fail("the condition never came")


def started(folder: DataFolder, manner: str = "polite") -> tuple[EngineProcess, int]:
    process = run(folder, "-c", PROGRAM, manner)
    until(lambda: pid_in(process.log) is not None)
    pid = pid_in(process.log)
    assert pid is not None
    return process, pid


def test_an_orderly_stop_is_asked_for_first(folder: DataFolder) -> None:
    process, pid = started(folder)
    process.ask_to_stop()
    process.await_stop(5)
    assert not is_alive(pid)
    assert "asked to stop" in process.log.read_text()


def test_who_doesn_t_stop_is_ended_by_force(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, pid = started(folder, "stubborn")
    process.ask_to_stop()
    until(lambda: "asked to stop" in process.log.read_text())
    process.await_stop(0.1)
    assert not is_alive(pid)


def test_a_killed_asker_takes_its_engine_along(tmp_path: Path) -> None:
    asker = f"""
import sys, time
from pathlib import Path
from adapters.embedded.processes import start
from adapters.embedded.state import own_data_folder
with own_data_folder(Path({str(tmp_path / "data")!r}), fresh=False) as folder:
    start("engine", [sys.executable, "-c", {PROGRAM!r}, "stubborn"],
          log=folder.path / "engine.log", cwd=folder.path, held=folder.lock)
    print("started", flush=True)
    time.sleep(60)
"""
    log = tmp_path / "data" / "engine.log"
    with (
        subprocess.Popen([sys.executable, "-c", asker], stdout=subprocess.PIPE) as process,
        killed(process),
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        until(lambda: pid_in(log) is not None)
        process.kill()
    pid = pid_in(log)
    assert pid is not None
    with own_data_folder(tmp_path / "data", fresh=False):  # waits until the leftovers are gone
        assert not is_alive(pid)


def test_a_killed_supervisor_takes_its_engine_along(folder: DataFolder) -> None:
    process, pid = started(folder)
    process.supervisor.kill()
    until(lambda: not is_alive(pid))
    process.await_stop(5)


def test_an_engine_that_ends_while_starting_is_reported_with_its_log(folder: DataFolder) -> None:
    process = run(folder, "-c", "import sys; print('no such disk'); sys.exit(3)")
    with pytest.raises(EngineFailed, match=r"exit code 3\).*(?s:.)*no such disk"):
        wait_until(process, lambda: False, seconds=10, cancelled=Event())
    process.await_stop(1)


def test_an_engine_that_never_answers_is_reported_and_waiting_can_be_cancelled(
    folder: DataFolder,
) -> None:
    process, _ = started(folder)
    with pytest.raises(EngineFailed, match="didn't answer within 0 seconds"):
        wait_until(process, lambda: False, seconds=0, cancelled=Event())
    cancelled = Event()
    cancelled.set()
    with pytest.raises(StartCancelled):
        wait_until(process, lambda: False, seconds=10, cancelled=cancelled)
    process.ask_to_stop()
    process.await_stop(5)


def test_engines_don_t_see_our_environment(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATALOG_REGISTRY__PASSWORD", "s3cr3t")
    process = run(folder, "-c", "import os; print(sorted(os.environ))")
    until(lambda: not process.is_running)
    assert "CATALOG" not in process.log.read_text()
    process.await_stop(1)


def test_ports(unused_port: int) -> None:
    assert choose_port(unused_port, "SETTING", None, set()) == unused_port
    with pytest.raises(PortTaken, match=f"port {unused_port} .SETTING. is taken"):
        choose_port(unused_port, "SETTING", None, {unused_port})
    assert choose_port(None, "SETTING", unused_port, set()) == unused_port
    assert choose_port(None, "SETTING", unused_port, {unused_port}) != unused_port


@pytest.fixture
def unused_port() -> int:
    return choose_port(None, "", None, set())

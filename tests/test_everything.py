"""`make test` fails where any of its steps does, and says of each what became of it."""

import sys
from pathlib import Path

import psutil
import pytest

from tests import everything
from tests.everything import Step, run_all, run_beside


def _step(name: str, code: int, starts_servers: bool = False) -> Step:
    command = (sys.executable, "-c", f"print('{name} ran'); raise SystemExit({code})")
    return Step(name, command, starts_servers)


def test_every_step_runs_and_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    steps = [
        _step("a", 1),
        _step("b", 0),
        _step("c", 0, starts_servers=True),
        _step("d", 1, starts_servers=True),
    ]
    results = run_all(steps)
    assert [(result.step, result.passed) for result in results] == list(
        zip(steps, (False, True, True, False), strict=True)
    )
    out = capfd.readouterr().out
    assert all(f"{name} ran" in out for name in "abcd")
    assert str(results[0]).startswith("FAILED")


def test_steps_that_start_servers_run_at_the_same_time(tmp_path: Path) -> None:
    """Each ends only once the other has begun."""
    program = (
        "import sys, pathlib, time\n"
        "own, other = map(pathlib.Path, sys.argv[1:])\n"
        "own.touch()\n"
        "until = time.monotonic() + 30\n"
        "while not other.exists():\n"
        "    assert time.monotonic() < until\n"
    )
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    steps = [
        Step("one", (sys.executable, "-c", program, one, two), starts_servers=True),
        Step("two", (sys.executable, "-c", program, two, one), starts_servers=True),
    ]
    assert [result.passed for result in run_all(steps)] == [True, True]


def test_a_step_is_not_waited_for_because_of_a_process_that_it_left(tmp_path: Path) -> None:
    """That process has the step's output, and would hold a pipe open for as long as it lives."""
    told = tmp_path / "pid"
    program = (
        "import pathlib, subprocess, sys\n"
        "left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "pathlib.Path(sys.argv[1]).write_text(str(left.pid))\n"
    )
    leaves = Step("leaves", (sys.executable, "-c", program, str(told)))
    try:
        assert run_beside(leaves).passed
        left = psutil.Process(int(told.read_text()))
        assert left.is_running()
    finally:
        psutil.Process(int(told.read_text())).kill()


def test_a_step_that_never_ends_is_ended_and_says_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """With the processes that it started: here, one that ignores what asks it to end."""
    told = tmp_path / "pid"
    program = (
        "import faulthandler, pathlib, subprocess, sys\n"
        "faulthandler.enable()\n"
        "def waits_for_ever(started):\n"
        "    started.wait()\n"
        "started = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "pathlib.Path(sys.argv[1]).write_text(str(started.pid))\n"
        "waits_for_ever(started)\n"
    )
    monkeypatch.setattr(everything, "LIMIT_S", 5)
    result = run_beside(Step("endless", (sys.executable, "-c", program, str(told))))
    assert not result.passed
    assert "waits_for_ever" in capfd.readouterr().out
    assert _has_ended(int(told.read_text()))


def _has_ended(pid: int) -> bool:
    """Whether it runs no more, though nobody may have asked for its exit code yet."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(("codes", "exit_code"), [((0, 0), 0), ((1, 0), 1), ((0, 1), 1)])
def test_it_fails_where_a_step_does(
    codes: tuple[int, int],
    exit_code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    steps = (_step("a", codes[0]), _step("b", codes[1], starts_servers=True))
    monkeypatch.setattr(everything, "STEPS", steps)
    monkeypatch.setattr(sys, "argv", ["everything"])
    assert everything.main() == exit_code
    monkeypatch.setattr(sys, "argv", ["everything", "--quick"])
    assert everything.main() == codes[0]
    assert "skipped" in capsys.readouterr().out

"""`make test` fails where any of its steps does, and says of each what became of it."""

import sys
from pathlib import Path

import pytest

from tests import everything
from tests.everything import Step, run_all


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

"""Every check of the project in one command, with what was skipped and why: `make test`.

Each step is a command that a developer can run alone; its line below says how. What starts servers
mostly waits for them, so the steps that do run at the same time, each with servers of its own, and
everything else one after another beside them, at a low priority. The output of the first of them is
passed through; what the others say is shown when they end.

A step that takes longer than `LIMIT_S` is ended; pytest then shows where its threads stand.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import psutil

ROOT = Path(__file__).parent.parent
PYTHON = sys.executable
BIN = Path(PYTHON).parent

LIMIT_S = 60 * 60  # of one step: several times what the longest takes on a slow machine
_LOOK_S = 0.5  # between two looks at a step's output
_LAST_WORDS_S = 10  # for a step that is ended to say where it stands


@dataclass(frozen=True)
class Step:
    """One check: its name, its command, and whether it needs the engines."""

    name: str
    command: tuple[str, ...]
    starts_servers: bool = False


_INTEGRATION = (PYTHON, "-m", "pytest", "-m", "integration", "--durations=15")
# The dashboard shows a chain of its own; with its tests here, both lanes end at about one time.
_CHAIN = ("tests/chain", "tests/adapters/dashboard")
STEPS = (
    Step("format", (PYTHON, "-m", "ruff", "format", "--check", ".")),
    Step("lint", (PYTHON, "-m", "ruff", "check", ".")),
    Step("types", (PYTHON, "-m", "mypy")),
    Step("imports", (str(BIN / "lint-imports"),)),
    Step("schemas", (str(BIN / "catalog"), "schemas", "check")),
    Step("unit and property tests", (PYTHON, "-m", "pytest", "-q", "-m", "not integration")),
    # Models against migrations is tests/migrations: it needs a PostgreSQL to ask.
    Step("integration tests of the chain", (*_INTEGRATION, *_CHAIN), True),
    Step(
        "integration tests of its parts",
        (*_INTEGRATION, *(f"--ignore={folder}" for folder in _CHAIN)),
        True,
    ),
)


@dataclass(frozen=True)
class Result:
    """What became of a step."""

    step: Step
    passed: bool
    seconds: float

    def __str__(self) -> str:
        """Render as a line of the summary."""
        verdict = "passed" if self.passed else "FAILED"
        return f"{verdict} {self.seconds:6.1f} s  {self.step.name}"


def run(step: Step) -> Result:
    """Run a step, and show its output as it comes."""
    print(_title(step), flush=True)
    return _run(step, step.command, _show)


def run_beside(step: Step) -> Result:
    """Run a step, and show its output at once when it has ended."""
    yields = os.name == "posix" and not step.starts_servers
    command = ("nice", *step.command) if yields else step.command
    kept = BytesIO()
    result = _run(step, command, lambda output: kept.write(output.read()))
    print(_title(step), flush=True)
    kept.seek(0)
    _show(kept)
    return result


def _run(step: Step, command: Sequence[str], look: Callable[[IO[bytes]], object]) -> Result:
    """Run a command, looking at its new output meanwhile, and end it when it takes too long.

    The output goes to a file, not through a pipe: a process that a test left behind would hold the
    pipe open, and what reads it would wait for that process instead of the step.
    """
    start = time.monotonic()
    with NamedTemporaryFile() as file, Path(file.name).open("rb") as output:
        process = psutil.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )
        code = None
        try:
            while code is None and time.monotonic() < start + LIMIT_S:
                with suppress(psutil.TimeoutExpired):
                    code = process.wait(_LOOK_S)
                look(output)
        finally:
            _end(process)
        look(output)
    if code is None:
        print(f"{step.name}: not done after {LIMIT_S} s, so it was ended", flush=True)
    return Result(step, code == 0, time.monotonic() - start)


def _show(output: IO[bytes]) -> None:
    print(output.read().decode(errors="replace"), end="", flush=True)


def _end(process: psutil.Popen) -> None:
    """End a process that still runs, and those that it started; SIGABRT makes pytest show where
    its threads stand (https://docs.python.org/3/library/faulthandler.html).
    """
    if not process.is_running():
        return
    started = process.children(recursive=True)
    process.send_signal(signal.SIGABRT)
    psutil.wait_procs([process], timeout=_LAST_WORDS_S)
    for left in (process, *started):
        with suppress(psutil.NoSuchProcess):
            left.kill()
    psutil.wait_procs((process, *started), timeout=_LAST_WORDS_S)


def run_all(steps: Sequence[Step]) -> list[Result]:
    """Run all steps, even after one failed: each that starts servers at the same time, the others
    in order beside them. Their results are in the order of the steps.
    """
    servers = [step for step in steps if step.starts_servers]
    others = [step for step in steps if not step.starts_servers]
    if not servers:
        return [run(step) for step in others]
    lanes = [others, *([step] for step in servers[1:])]
    with ThreadPoolExecutor(len(lanes)) as beside:
        waited_for = beside.map(_run_lane, lanes)
        results = [run(servers[0]), *(result for lane in waited_for for result in lane)]
    return sorted(results, key=lambda result: steps.index(result.step))


def _run_lane(steps: Sequence[Step]) -> list[Result]:
    return [run_beside(step) for step in steps]


def _title(step: Step) -> str:
    return f"\n== {step.name}: {' '.join(step.command)}"


def main() -> int:
    """Run all steps; 0 when all passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out what starts servers")
    quick = parser.parse_args().quick
    left_out = [step for step in STEPS if quick and step.starts_servers]
    results = run_all([step for step in STEPS if step not in left_out])
    print("\n== summary")
    for result in results:
        print(result)
    for step in left_out:
        print(f"skipped           {step.name}: --quick leaves out what starts servers")
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())

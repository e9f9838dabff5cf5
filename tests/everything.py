"""Every check of the project in one command, with what was skipped and why: `make test`.

Each step is a command that a developer can run alone; its line below says how. What starts servers
mostly waits for them, so everything else runs beside it, at a low priority; what that says is shown
when a step of it ends.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHON = sys.executable
BIN = Path(PYTHON).parent


@dataclass(frozen=True)
class Step:
    """One check: its name, its command, and whether it needs the engines."""

    name: str
    command: tuple[str, ...]
    starts_servers: bool = False


STEPS = (
    Step("format", (PYTHON, "-m", "ruff", "format", "--check", ".")),
    Step("lint", (PYTHON, "-m", "ruff", "check", ".")),
    Step("types", (PYTHON, "-m", "mypy")),
    Step("imports", (str(BIN / "lint-imports"),)),
    Step("schemas", (str(BIN / "catalog"), "schemas", "check")),
    Step("unit and property tests", (PYTHON, "-m", "pytest", "-q", "-m", "not integration")),
    # Models against migrations is tests/migrations: it needs a PostgreSQL to ask.
    Step(
        "integration tests", (PYTHON, "-m", "pytest", "-m", "integration", "--durations=15"), True
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
    """Run a step, its output passed through."""
    print(_title(step), flush=True)
    start = time.monotonic()
    code = subprocess.run(step.command, cwd=ROOT, check=False).returncode
    return Result(step, code == 0, time.monotonic() - start)


def run_beside(step: Step) -> Result:
    """Run a step at a low priority, and show its output at once when it has ended."""
    start = time.monotonic()
    done = subprocess.run(
        ("nice", *step.command) if os.name == "posix" else step.command,
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    print(f"{_title(step)}\n{done.stdout}", flush=True)
    return Result(step, done.returncode == 0, time.monotonic() - start)


def run_all(steps: Sequence[Step]) -> list[Result]:
    """Run all steps, even after one failed: those without servers in order, beside the others."""
    servers = [step for step in steps if step.starts_servers]
    others = [step for step in steps if not step.starts_servers]
    if not servers:
        return [run(step) for step in others]
    with ThreadPoolExecutor(1) as beside:
        results = beside.map(run_beside, others)
        with_servers = [run(step) for step in servers]
        return [*results, *with_servers]


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

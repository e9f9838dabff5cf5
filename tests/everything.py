"""Every check of the project in one command, with what was skipped and why: `make test`.

Each step is a command that a developer can run alone; its line below says how.
"""

import argparse
import subprocess
import sys
import time
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


def run(step: Step) -> tuple[bool, float]:
    """Run one step, its output passed through; returns whether it passed and its seconds."""
    print(f"\n== {step.name}: {' '.join(step.command)}", flush=True)
    start = time.monotonic()
    passed = subprocess.run(step.command, cwd=ROOT, check=False).returncode == 0
    return passed, time.monotonic() - start


def main() -> int:
    """Run all steps, even after one failed; 0 when all passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out what starts servers")
    quick = parser.parse_args().quick
    results: list[str] = []
    failed = 0
    for step in STEPS:
        if quick and step.starts_servers:
            results.append(f"skipped         {step.name}: --quick leaves out what starts servers")
            continue
        passed, seconds = run(step)
        failed += not passed
        results.append(f"{'passed' if passed else 'FAILED'} {seconds:6.1f} s  {step.name}")
    print("\n== summary")
    print("\n".join(results))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""All chain tests and fuzzers at full size, and a table of what they measured.

`python -m tests.chain.acceptance`; arguments go to pytest, such as a file or `-k rebuild`.
Takes some 20 minutes on two cores that have nothing else to do.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.chain.conftest import FIGURES
from tests.chain.size import VARIABLE

ROOT = Path(__file__).parents[2]
_PATIENT = ("-o", "timeout=3600", "-o", "faulthandler_timeout=3660")
"""A test of full size takes longer than one of the gate may."""


def main() -> int:
    """Run, and print the figures as a Markdown table."""
    chosen = sys.argv[1:] or ["tests/chain", "tests/fuzz"]
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.jsonl"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-v", *_PATIENT, *chosen],
            cwd=ROOT,
            env={**os.environ, VARIABLE: "full", FIGURES: str(figures)},
            check=False,
        )
        lines = figures.read_text(encoding="utf-8").splitlines() if figures.exists() else []
    print("\n| test | what | figure |\n|---|---|---|")
    for line in map(json.loads, lines):
        print(f"| {line['test']} | {line['what']} | {line['figure']} |")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())

"""A guard against getting slower that the machine's mood can't trip: ratios, not rates.

`python -m bench --record` keeps a run's ratios in `bench/recorded.json`; every later run is
compared with them. Not part of `make test`: it takes a whole run.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure

RECORDED = Path(__file__).with_name("recorded.json")
TOLERANCE = 0.8
"""A ratio may fall to this share of the recorded one: two runs on one machine differ as much."""


def record(ratios: Sequence[Figure]) -> None:
    """Keep these ratios as what later runs are held to."""
    found = {figure.name: round(figure.value or 0.0, 3) for figure in ratios}
    RECORDED.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def regressions(ratios: Sequence[Figure]) -> list[str]:
    """Sentences about ratios that fell; empty where all is well or nothing was recorded."""
    if not RECORDED.exists():
        return []
    recorded: dict[str, float] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return [
        f"{figure.name}: {figure.value:.2f} × instead of {recorded[figure.name]:.2f} ×"
        for figure in ratios
        if figure.value is not None and figure.value < TOLERANCE * recorded.get(figure.name, 0.0)
    ]

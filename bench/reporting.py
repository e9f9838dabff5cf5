"""A run's figures as Markdown and JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import Figure


def markdown(figures: Sequence[Figure], machine: Mapping[str, str]) -> str:
    """A table of all figures, and what they were made on."""
    lines = [
        "| case | figure | had | goal | reached | seconds | peak MB | note |",
        "|---|---|---:|---:|---|---:|---:|---|",
    ]
    for f in figures:
        cells = (
            f.case,
            f.name,
            "–" if f.value is None else f"{_number(f.value)} {f.unit}",
            "" if f.goal is None else f"{'≤' if f.lower_is_better else '≥'} {_number(f.goal)}",
            {True: "yes", False: "no", None: ""}[f.reached],
            "" if f.seconds is None else f"{f.seconds:.1f}",
            "" if f.peak_mb is None else f"{f.peak_mb:.0f}",
            f.note.replace("|", "\\|").replace("\n", " "),
        )
        lines.append(f"| {' | '.join(cells)} |")
    made_on = [f"- {name}: {value}" for name, value in machine.items()]
    return "\n".join([*lines, "", *made_on]) + "\n"


def write(folder: Path, figures: Sequence[Figure], machine: Mapping[str, str]) -> list[Path]:
    """Write `results.md` and `results.json`; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    table, data = folder / "results.md", folder / "results.json"
    table.write_text(markdown(figures, machine), encoding="utf-8")
    content = {"machine": dict(machine), "figures": [figure.as_dict() for figure in figures]}
    data.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return [table, data]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

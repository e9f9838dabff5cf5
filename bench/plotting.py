"""Plots of a run: records and memory over time, cost against size.

matplotlib is the bench's own need.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.figures import Figure


def plot(folder: Path, figures: Sequence[Figure]) -> list[Path]:
    """Write `throughput.png`, `memory.png` and `cost.png`, each where there is anything to show;
    returns the files."""
    import matplotlib as mpl  # noqa: PLC0415 - wanted only where plots are

    mpl.use("agg")
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    timed = [f for f in figures if len(f.timeline) > 1 and f.unit in ("events/s", "changes/s")]
    if timed:
        with _drawing(folder / "throughput.png", "seconds", "million records done", written) as on:
            for f in timed:
                seconds, done = zip(*[(0.0, 0), *f.timeline], strict=True)
                on.plot(seconds, [count / 1e6 for count in done], label=_label(f))
            on.legend(fontsize=7)
    held = [f for f in figures if len(f.memory) > 1]
    if held:
        with _drawing(folder / "memory.png", "seconds", "MB resident", written) as on:
            for f in held:
                on.plot(*zip(*f.memory, strict=True), label=_label(f))
            on.set_ylim(bottom=0)
            on.legend(fontsize=7)
    sized = [f for f in figures if f.case == "rebuild-catalog" and f.size and f.seconds]
    if len(sized) > 1:
        with _drawing(folder / "cost.png", "million events", "µs per event", written) as on:
            sizes = [f.size / 1e6 for f in sized if f.size]
            costs = [f.seconds / f.size * 1e6 for f in sized if f.seconds and f.size]
            on.plot(sizes, costs, marker="o")
            on.set_ylim(bottom=0)
    return written


@contextmanager
def _drawing(file: Path, across: str, up: str, written: list[Path]) -> Iterator[Any]:
    from matplotlib import pyplot as plt  # noqa: PLC0415 - see above

    drawing, axes = plt.subplots(figsize=(9, 5))
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    yield axes
    drawing.savefig(file, dpi=120, bbox_inches="tight")
    plt.close(drawing)
    written.append(file)


def _label(figure: Figure) -> str:
    return f"{figure.case}: {figure.name[:60]}"

"""Plots of a run: records over time, and cost against size. matplotlib is the bench's own need."""

from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure


def plot(folder: Path, figures: Sequence[Figure]) -> list[Path]:
    """Write `throughput.png` and, where sizes differ, `cost.png`; returns the files."""
    import matplotlib as mpl  # noqa: PLC0415 - wanted only where plots are

    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    timed = [f for f in figures if len(f.timeline) > 1 and f.unit in ("events/s", "changes/s")]
    if timed:
        drawing, axes = plt.subplots(figsize=(10, 6))
        for f in timed:
            seconds, done = zip(*[(0.0, 0), *f.timeline], strict=True)
            axes.plot(seconds, [count / 1e6 for count in done], label=f"{f.case}: {f.name[:60]}")
        axes.set_xlabel("seconds")
        axes.set_ylabel("million records done")
        axes.legend(fontsize=7)
        written.append(folder / "throughput.png")
        drawing.savefig(written[-1], dpi=120, bbox_inches="tight")
        plt.close(drawing)
    sized = [f for f in figures if f.case == "rebuild-catalog" and f.size and f.seconds]
    if len(sized) > 1:
        drawing, axes = plt.subplots(figsize=(7, 4))
        sizes = [f.size / 1e6 for f in sized if f.size]
        costs = [f.seconds / f.size * 1e6 for f in sized if f.seconds and f.size]
        axes.plot(sizes, costs, marker="o")
        axes.set_xlabel("million events")
        axes.set_ylabel("µs an event")
        axes.set_ylim(bottom=0)
        written.append(folder / "cost.png")
        drawing.savefig(written[-1], dpi=120, bbox_inches="tight")
        plt.close(drawing)
    return written

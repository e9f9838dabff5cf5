"""What became of delivered files, for people: progress while they are taken in, then a summary."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from adapters.cli import tables
from adapters.ingestion.report import FileReport, Summary, Watch

_COUNTED = ("files", "records", "inserted", "updated", "deleted", "flagged", "quarantined")


@contextmanager
def watched() -> Iterator[Watch]:
    """Tells on stderr how far it is: a bar on a terminal, a line per file elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    is_shown = console.is_terminal
    with Progress(*columns, console=console, disable=not is_shown, transient=True) as progress:
        yield Bars(progress) if is_shown else Lines(console)


def show(summary: Summary) -> None:
    """The summary by kind on stdout; what was quarantined, and why, on stderr."""
    for report in summary.files:
        for rejected in report.rejected:
            where = f"{report.path}:{rejected.line}" if rejected.line else report.path
            print(f"quarantined: {where}: {rejected.reason}", file=sys.stderr)
        if (more := report.quarantined - len(report.rejected)) > 0:
            print(f"quarantined: {report.path}: and {more:,} more", file=sys.stderr)
    total: Counter[str] = Counter()
    rows: list[tuple[tables.Cell, ...]] = []
    for kind in dict.fromkeys(_row_name(f) for f in summary.files):
        counts = _counts([f for f in summary.files if _row_name(f) == kind])
        total.update(counts)
        rows.append((kind, *(counts[name] for name in _COUNTED)))
    rows.append(("total", *(total[name] for name in _COUNTED)))
    tables.show(("kind", *_COUNTED), rows)


def _row_name(report: FileReport) -> str:
    return report.kind if report.status == "applied" else f"{report.kind} ({report.status})"


def _counts(reports: list[FileReport]) -> Counter[str]:
    counts: Counter[str] = Counter(files=len(reports))
    for report in reports:
        counts["records"] += report.rows
        counts["flagged"] += report.flagged
        counts["quarantined"] += report.quarantined
        for change, rows in report.changed.items():
            counts[change.rpartition(" ")[2]] += rows
    return counts


class Bars:
    """Progress for a terminal: a bar for the file that is being read."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def begin(self, path: str, size: int) -> None:
        """A new bar."""
        self._task = self._progress.add_task(path[-60:], total=size)

    def advance(self, size: int) -> None:
        """The bar moves."""
        if self._task is not None:
            self._progress.advance(self._task, size)

    def end(self, report: FileReport) -> None:
        """The bar makes room for a line."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._progress.console.print(_line(report), markup=False, soft_wrap=True)


class Lines:
    """Progress for a log: a line per file."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def begin(self, path: str, size: int) -> None:
        """Nothing yet."""

    def advance(self, size: int) -> None:
        """Nothing yet."""

    def end(self, report: FileReport) -> None:
        """The line."""
        self._console.print(_line(report), markup=False, soft_wrap=True)


def _line(report: FileReport) -> str:
    counts = _counts([report])
    parts = [f"{counts[n]:,} {n}" for n in ("inserted", "updated", "deleted") if counts[n]]
    parts += [f"{counts[n]:,} {n}" for n in ("flagged", "quarantined") if counts[n]]
    said = ", ".join(parts) or "nothing changed"
    if report.status == "known":
        said = "taken in before; --again takes it in again"
    notes = f" ({'; '.join(report.notes)})" if report.notes else ""
    return f"{report.path}: {report.kind}, {report.status}: {said}{notes}"

"""Shows the progress of a rebuild on stderr: a bar on a terminal, a line now and then elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from projections.engine.progress import Progress as Report
from projections.engine.progress import Report as Reporting

_LINE_SECONDS = 5.0
_NAMES = {
    "creating": "making a new generation",
    "resuming": "going on with",
    "filling": "reading from message zero",
    "indexing": "sorting and indexing",
    "catching_up": "catching up",
    "verifying": "comparing with the live one",
    "verified": "closing the last lag",
    "different": "closing the last lag",
    "retired": "catching up",
    "switching": "switching",
}


@contextmanager
def shown_on(console: Console) -> Iterator[Reporting]:
    """A report function for as long as the context lasts."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}", justify="right"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield _Bars(progress)


class _Bars:
    """A bar a phase."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, report: Report) -> None:
        name = f"{_NAMES.get(report.phase, report.phase)} {report.detail}".strip()
        if name not in self._tasks:
            self._close()
            self._tasks[name] = self._progress.add_task(name, total=None, count="")
        self._progress.update(
            self._tasks[name],
            total=report.total or None,
            completed=report.done,
            count=_count(report),
        )

    def _close(self) -> None:
        for task in self._tasks.values():
            self._progress.update(task, total=1, completed=1)


class _Lines:
    """A line when the phase changes, and every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._name = ""
        self._at = 0.0

    def __call__(self, report: Report) -> None:
        name = f"{_NAMES.get(report.phase, report.phase)} {report.detail}".strip()
        ended = report.total > 0 and report.done == report.total
        if name == self._name and not ended and monotonic() - self._at < _LINE_SECONDS:
            return
        self._name, self._at = name, monotonic()
        left = f", {report.seconds_left:.0f} s left" if report.seconds_left else ""
        count = _count(report)
        self._console.print(f"{name}{': ' if count else ''}{count}{left}", highlight=False)


def _count(report: Report) -> str:
    if not report.total:
        return ""
    return f"{report.done:,} of {report.total:,}, {report.per_second:,.0f}/s"

"""Shows the progress of a rebuild on stderr: a bar per phase on a terminal, a line elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from adapters.figures import number, span
from projections.engine.progress import Progress as Report
from projections.engine.progress import Report as Reporting

NAMES = {
    "creating": "making a new generation",
    "resuming": "resuming",
    "filling": "reading from message zero",
    "indexing": "sorting and indexing",
    "catching_up": "catching up",
    "verifying": "comparing with the live one",
    "verified": "closing the last lag",
    "different": "closing the last lag",
    "retired": "catching up",
    "frozen": "as of an instant",
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
    )
    with Progress(*columns, console=console) as progress:
        yield _Bars(progress)


class _Bars:
    """A bar per phase, with what is expected of the later ones beneath."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, report: Report) -> None:
        name = NAMES.get(report.phase, report.phase)
        if name not in self._tasks:
            self._close()
            self._tasks[name] = self._progress.add_task(name, total=None, count="")
        self._progress.update(
            self._tasks[name],
            total=report.total or None,
            completed=report.done,
            count=_told(report, report.detail, _count(report), _left(report)),
        )

    def _close(self) -> None:
        for task in self._tasks.values():
            self._progress.update(task, total=1, completed=1)


class _Lines:
    """A line when a phase begins, with what is expected of it and of the later ones."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._name = ""

    def __call__(self, report: Report) -> None:
        name = NAMES.get(report.phase, report.phase)
        if name != self._name:
            self._name = name
            said = _told(report, _count(report), _left(report))
            line = f"{name}: {said}" if said else name
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def _count(report: Report) -> str:
    if not report.total:
        return ""
    if not report.done:
        return f"{number(report.total)} to do"
    speed = f", {number(report.per_second)}/s" if report.per_second else ""
    return f"{number(report.done)} of {number(report.total)}{speed}"


def _left(report: Report) -> str:
    return f"{span(report.seconds_left)} left" if report.seconds_left else ""


def _told(report: Report, *parts: str) -> str:
    """What is known of this phase, and then of those to come."""
    then = ", ".join(f"{NAMES[name]} {span(s)}" for name, s in report.then.items())
    return ", ".join(filter(None, (*parts, then and f"then {then}")))


def summary(report: Report) -> str:
    """One line of what a report says."""
    name = f"{NAMES.get(report.phase, report.phase)} {report.detail}".strip()
    told = _told(report, _count(report), _left(report))
    return f"{name}: {told}" if told else name

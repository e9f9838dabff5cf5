"""`catalog ingest`: feeds and ERN messages into the master catalog."""

import json
import re
import sys
from collections import Counter
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn
from rich.table import Table

from adapters.ingestion.report import FileReport, Summary, Watch
from domain.failures import WrongUsage

_TERRITORY = re.compile("Worldwide|[A-Z]{2}(-[A-Z0-9]{1,3})?|[0-9]{1,4}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ingest")(command)


def command(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH…", help="Files, folders, or - (standard input).")
    ],
    source: Annotated[
        str, typer.Option(help="Whose feeds these are: other names than the default mark all ids.")
    ] = "7digital",
    territory: Annotated[
        list[str] | None,
        typer.Option(
            help="Territory of the feeds' offers; may be repeated.", show_default="Worldwide"
        ),
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="ISO 4217 currency of the feeds' prices, if it is known.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Take in again what was taken in before.")
    ] = False,
    max_message_bytes: Annotated[
        int, typer.Option(help="ERN messages that are greater are quarantined.", min=1)
    ] = 50 << 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Take in feeds (CSV) and ERN messages (XML); what they are is seen by their content.

    Only what differs is written. What can't be taken in is kept in the quarantine table and told;
    then the exit code is 1, and everything else was taken in all the same.
    """
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.ingestion.feeds.columns import Terms
    from adapters.ingestion.ingest import Options, ingest

    if currency is not None and not (
        currency.isascii() and currency.isalpha() and len(currency) == 3
    ):
        raise WrongUsage(f"--currency {currency!r} is no ISO 4217 code such as EUR")
    for code in territory or ():
        if not _TERRITORY.fullmatch(code):
            raise WrongUsage(
                f"--territory {code!r} is neither Worldwide nor an ISO 3166 code such as DE or"
                " US-NY nor a TIS code such as 2136"
            )
    if not source or ":" in source or "/" in source:
        raise WrongUsage(f"--source {source!r} must be a name without : and /")
    terms = Terms(
        source=source,
        territories=tuple(territory or ("Worldwide",)),
        currency=currency.upper() if currency else None,
    )
    options = Options(terms=terms, again=again, most_message_bytes=max_message_bytes)
    dsn = resolve_endpoints(load_settings(), need=("master",)).master_dsn
    console = Console(stderr=True)
    with _progress(console) as progress:
        watch: Watch = Bars(progress) if console.is_terminal else Lines(console)
        standard_input = None if sys.stdin is None else sys.stdin.buffer
        summary = ingest(dsn, paths, options, watch, standard_input)
    if as_json:
        print(json.dumps(summary.as_json(), ensure_ascii=False))
    else:
        # A pipe has no width: nothing is cut off there.
        show(summary, Console(width=None if sys.stdout.isatty() else 120), console)
    if summary.quarantined:
        raise typer.Exit(1)


def show(summary: Summary, out: Console, log: Console) -> None:
    """The summary by kind; what was rejected, and why, beside it."""
    for report in summary.files:
        for rejected in report.rejected:
            where = f"{report.path}:{rejected.line}" if rejected.line else report.path
            log.print(f"quarantined: {where}: {rejected.reason}", markup=False, soft_wrap=True)
        if (more := report.quarantined - len(report.rejected)) > 0:
            log.print(f"quarantined: {report.path}: and {more} more", markup=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("kind", overflow="fold")
    names = ("files", "records", "inserted", "updated", "deleted", "flagged", "quarantined")
    for name in names:
        table.add_column(name, justify="right")
    total: Counter[str] = Counter()
    for kind in dict.fromkeys(_row_name(f) for f in summary.files):
        counts = _counts([f for f in summary.files if _row_name(f) == kind])
        total.update(counts)
        table.add_row(kind, *(f"{counts[name]:,}" for name in names))
    table.add_row("total", *(f"{total[name]:,}" for name in names), style="bold")
    out.print(table)


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


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


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
    """Progress for a log: a line a file."""

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

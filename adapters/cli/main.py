"""The entry point of `catalog`: gathers the commands and turns errors into one line each.

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 unhealthy or behind.
"""

import errno
import logging
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from types import ModuleType
from typing import Annotated

import structlog
import typer
from typer.main import get_command

from adapters.cli import (
    audit,
    conflicts,
    connect,
    dashboard,
    dead_letters,
    events,
    explain,
    generate,
    generations,
    health,
    inbox,
    ingest,
    keys,
    lookup,
    messages,
    migrate,
    new_releases,
    project,
    rebuild,
    run,
    schemas,
    serve,
    source,
    status,
    switch,
    topics,
    translate,
    up,
    verify,
)
from adapters.cli.help import name_values
from adapters.telemetry.logs import configure_logs
from domain.failures import Failure, WrongUsage, reason_of

COMMANDS: tuple[ModuleType, ...] = (
    run,
    up,
    ingest,
    inbox,
    source,
    messages,
    lookup,
    explain,
    conflicts,
    new_releases,
    serve,
    keys,
    dashboard,
    status,
    health,
    rebuild,
    switch,
    generations,
    verify,
    audit,
    events,
    topics,
    schemas,
    connect,
    translate,
    project,
    dead_letters,
    migrate,
    generate,
)
"""Modules of this package that add commands, in the order in which help shows them."""


def _announce(
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Folder of the running engines and their state; may stand anywhere on the line. "
            "Default: CATALOG_DATA, else the user's data folder.",
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda asked: _tell_version(asked=asked),
            help="Show the version.",
        ),
    ] = False,
) -> None:
    """Keep a read-optimised music catalog up to date through Kafka, and rebuild it at any time.

    Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 unhealthy or behind.
    """


def _tell_version(*, asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"catalog-projections {version('catalog-projections')}")
        raise typer.Exit


def application() -> typer.Typer:
    """All commands, wired to their modules; nothing outside is touched."""
    app = typer.Typer(
        name="catalog",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_announce)
    for command in COMMANDS:
        command.register(app)
    return app


def take_data_option(arguments: Sequence[str]) -> tuple[list[str], str | None]:
    """Lift `--data DIR` out of a command line, wherever it stands.

    Returns the other arguments and the folder, or None where none was given.
    Raises WrongUsage where the folder's name is missing.
    """
    rest: list[str] = []
    data = None
    words = iter(arguments)
    for word in words:
        if word == "--":
            return [*rest, word, *words], data
        if word == "--data":
            data = next(words, "")
        elif word.startswith("--data="):
            data = word.removeprefix("--data=")
        else:
            rest.append(word)
        if data == "":
            raise WrongUsage("--data needs a folder: --data DIR")
    return rest, data


def main() -> None:
    """Run one command and exit with its code."""
    configure_logs(level=logging.WARNING)  # workers say more
    try:
        arguments, data = take_data_option(sys.argv[1:])
        if data is not None:
            os.environ["CATALOG_DATA"] = data
        command = get_command(application())
        name_values(command)
        command.main(args=arguments, prog_name="catalog")
    except Failure as error:
        print(f"catalog: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output (`head`, `less`) left: that is no failure of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except Exception as error:
        if (said := _want_of(error)) is not None:
            print(f"catalog: {said}", file=sys.stderr)
        else:
            _report_fault(error)
        sys.exit(1)


def _want_of(error: BaseException) -> str | None:
    """What the machine lacked and what to do, where that is behind an error; else None."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and (cure := _WANTS.get(seen.errno or 0)) is not None:
            what = f"{seen.filename}: {seen.strerror}" if seen.filename else seen.strerror
            return f"{what}: {cure}"
        seen = seen.__cause__ or seen.__context__
    return None


_SPACE = "free some space and run the command again; what was done before is kept"
_WANTS = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EMFILE: "raise the limit of this shell (ulimit -n 4096) and run the command again",
    errno.ENFILE: "the machine has too many files open: end what isn't needed",
    errno.ENOMEM: "the machine has too little memory: end what isn't needed",
}


def _report_fault(error: Exception) -> None:
    """Say in a line what went wrong, and where the traceback is: it is a fault of this software.

    At a terminal the traceback is kept in a file; elsewhere it is a field of a log record.
    """
    said = f"catalog: unexpected error, a fault of this software: {reason_of(error)}"
    if sys.stderr.isatty():
        with tempfile.NamedTemporaryFile(
            "w", prefix="catalog-", suffix=".log", delete=False, encoding="utf-8"
        ) as file:
            traceback.print_exception(error, file=file)
        said += f"\n  the traceback, for a report, is in {file.name}"
    else:
        structlog.get_logger("catalog").error("unexpected error", exc_info=error)
    print(said, file=sys.stderr)

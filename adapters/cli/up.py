"""`catalog up`: the engines and the workers in the foreground, until Ctrl-C."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from adapters.cli.interruption import Interrupted, interruptible

if TYPE_CHECKING:
    from adapters.composition.endpoints import Endpoints
    from adapters.composition.settings import Settings

_CHECK_SECONDS = 0.5


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(up)


def up(
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete the data folder's state first.")
    ] = False,
    no_workers: Annotated[
        bool,
        typer.Option(
            "--no-workers", help="Only the engines, as they are: to mend what stops workers."
        ),
    ] = False,
) -> None:
    """Start the engines and the workers, until Ctrl-C.

    Engines whose addresses are set are used as they are, the others are started here. Every other
    command given the same data folder finds them by itself.
    """
    from adapters.composition import services
    from adapters.composition.engines import supervised_engines
    from adapters.composition.settings import load_settings

    settings = load_settings()
    is_up = False
    try:
        with (
            interruptible(),
            supervised_engines(settings, fresh=fresh, report=_report) as engines,
            (
                nullcontext(_nothing)
                if no_workers
                else services.running_workers(settings, engines.endpoints, _report)
            ) as check_services,
        ):
            is_up = True
            what = "engines only" if no_workers else "up"
            print("\n".join(describe(settings, engines.endpoints, what)), flush=True)
            while True:
                if engines.check():
                    check_services()
                time.sleep(_CHECK_SECONDS)
    except Interrupted as interruption:
        _report(f"stopped ({interruption})")
        if not is_up:
            raise typer.Exit(130) from None


def describe(settings: Settings, endpoints: Endpoints, what: str = "up") -> list[str]:
    """The addresses of all engines and the folders in use, one per line, no secret in them.

    The last says `what` runs.
    """
    lines = [
        f"kafka     {endpoints.kafka['bootstrap.servers']}",
        f"registry  {endpoints.registry.url}",
        f"connect   {_without_password(endpoints.connect_url)}",
        f"master    {_without_password(endpoints.master_dsn)}",
        f"read      {_without_password(endpoints.read_dsn)}",
        f"data      {settings.data}",
        f"cache     {settings.cache}",
    ]
    if settings.master.url is None or settings.read.url is None:
        lines.append(f"password  in {settings.data / 'postgres-password'}")
    return [*lines, f"{what}; Ctrl-C stops everything"]


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    user, _, address = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return parts._replace(netloc=f"{name}@{address}" if name else address, query="").geturl()


def _nothing() -> None:
    """What keeps no workers up."""


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

"""`catalog inbox`: takes in what senders deliver, as it comes, and acknowledges it."""

from typing import Annotated

import structlog
import typer

from adapters.cli.interruption import stopping

log = structlog.get_logger("inbox")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(inbox)


def inbox(
    where: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WHERE",
            help="Folders, s3://bucket/prefix, sftp://user@host:port/folder.",
            show_default="inbox.where",
        ),
    ] = None,
    once: Annotated[
        bool,
        typer.Option(
            "--once", help="End when nothing is left; exit code 1 if a message was refused."
        ),
    ] = False,
) -> None:
    """Watch inboxes: take batches in once each, and answer.

    Until it is told to stop (Ctrl-C, SIGTERM). It may be killed at any moment: started again it
    goes on with what was begun. A batch is complete with its BatchComplete_ manifest; batches come
    in the order of their names, go to done/ afterwards, and answers lie in acknowledgements/.
    """
    from contextlib import nullcontext

    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.inboxes import watch_inboxes
    from adapters.composition.settings import load_settings
    from adapters.composition.workers import watched
    from adapters.telemetry.exposition import StopSignal

    settings = load_settings()
    endpoints = resolve_endpoints(settings, need=("master",))
    stop = StopSignal()
    as_a_service = nullcontext() if once else watched(settings, stop, "inbox")
    with stopping(stop), as_a_service:
        tally = watch_inboxes(settings, endpoints, where or [], stop, once=once)
    log.info("stopped", batches=tally.batches, refused=tally.refused)
    if once and tally.refused:
        raise typer.Exit(1)

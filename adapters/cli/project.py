"""`catalog project`: a worker that keeps the live generation up to date."""

from os import getpid
from socket import gethostname
from typing import Annotated

import structlog
import typer

from adapters.cli.interruption import stopping
from adapters.errors import UsageProblem

log = structlog.get_logger("project")


def register(app: typer.Typer) -> None:
    """Add `project` to the command."""
    app.command()(project)


def project(
    model: Annotated[str, typer.Option(help="The read model.")] = "catalog",
) -> None:
    """Project events into a read model until it is told to stop (Ctrl-C, SIGTERM).

    Any number of workers share the partitions. They may be killed at any moment.
    """
    from adapters.endpoints import resolve_endpoints
    from adapters.read_side import run_worker
    from adapters.settings import load_settings
    from adapters.telemetry.exposition import Pulse
    from adapters.telemetry.tracing import traced_events
    from adapters.telemetry.worker import watched
    from adapters.topology import READ_MODELS

    models = {one.name: one for one in READ_MODELS}
    if model not in models:
        raise UsageProblem(f"--model {model!r} is none of {', '.join(models)}")
    settings = load_settings()
    endpoints = resolve_endpoints(settings)
    stop = Pulse()
    with (
        stopping(stop),
        watched(settings, stop, f"project-{model}") as metrics,
        traced_events(settings.tracing, f"{model}-{gethostname()}-{getpid()}") as traces,
    ):
        run_worker(
            settings,
            endpoints,
            stop,
            model=models[model],
            metrics=metrics,
            traces=traces,
        )
        log.info("stopped")

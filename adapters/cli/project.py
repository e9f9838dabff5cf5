"""`catalog project`: a worker that keeps the live generation up to date."""

from os import getpid
from socket import gethostname

import structlog
import typer

from adapters.cli.interruption import stopping
from adapters.cli.read_models import DEFAULT, Model

log = structlog.get_logger("project")


def register(app: typer.Typer) -> None:
    """Add `project` to the command."""
    app.command()(project)


def project(model: Model = DEFAULT) -> None:
    """Project events into a read model.

    Until it is told to stop (Ctrl-C, SIGTERM). Any number of workers share the partitions. They
    may be killed at any moment.
    """
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.composition.topology import read_model
    from adapters.composition.tracing import traced_events
    from adapters.composition.workers import run_worker, watched
    from adapters.telemetry.exposition import StopSignal

    chosen = read_model(model)
    settings = load_settings()
    endpoints = resolve_endpoints(settings)
    stop = StopSignal()
    with (
        stopping(stop),
        watched(settings, stop, f"project-{model}") as metrics,
        traced_events(settings.tracing, f"{model}-{gethostname()}-{getpid()}") as traces,
    ):
        run_worker(settings, endpoints, stop, model=chosen, metrics=metrics, traces=traces)
        log.info("stopped")

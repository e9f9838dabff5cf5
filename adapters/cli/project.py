"""`catalog project`: a worker that keeps the live generation up to date."""

import signal
import sys

import typer

from adapters.cli.read_models import DEFAULT, Model


def register(app: typer.Typer) -> None:
    """Add `project` to the command."""
    app.command()(project)


def project(model: Model = DEFAULT) -> None:
    """Project events into a read model until it is told to stop (Ctrl-C, SIGTERM).

    Any number of workers share the partitions. They may be killed at any moment.
    """
    from adapters.endpoints import resolve_endpoints
    from adapters.read_side import run_worker
    from adapters.settings import load_settings
    from adapters.telemetry.exposition import Pulse
    from adapters.telemetry.worker import watched
    from adapters.topology import read_model

    chosen = read_model(model)
    settings = load_settings()
    endpoints = resolve_endpoints(settings)
    stop = Pulse()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())

    def ready() -> None:
        print(f"projecting into {model!r}", file=sys.stderr)

    with watched(settings, stop, f"project-{model}") as metrics:
        run_worker(settings, endpoints, stop, model=chosen, ready=ready, metrics=metrics)
    print("stopped", file=sys.stderr)

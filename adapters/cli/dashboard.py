"""`catalog dashboard`: the operations dashboard alone, on a port of its own."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from adapters.cli.listening import address_of, listen_on

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from adapters.composition.endpoints import Endpoints
    from adapters.composition.settings import Settings

log = structlog.get_logger("dashboard")


def register(app: typer.Typer) -> None:
    """Add `dashboard` to the command."""
    app.command()(dashboard)


def dashboard(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8010,
    keys: Annotated[
        bool | None,
        typer.Option(
            "--keys/--open",
            help="Whether looking needs an API key. Default: no on loopback, yes elsewhere.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve the operations dashboard alone.

    And the chain's metrics, until SIGTERM or Ctrl-C. `catalog serve` serves the same pages beside
    its API. To act there always needs an API key: `catalog keys create NAME --scope operate`.
    """
    from adapters.api import server
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings, secrets_of
    from adapters.telemetry.logs import configure_logs

    settings = load_settings()
    configure_logs(secrets=secrets_of(settings))
    endpoints = resolve_endpoints(settings)
    near = server.is_loopback(host)
    is_open = near if keys is None else not keys
    listening = listen_on(host, port)
    log.info(
        "showing the chain",
        address=address_of(host, listening),
        access="open" if is_open else "API keys only",
    )
    hosts = server.LOOPBACK_NAMES | {host} if near and is_open else None
    with listening:
        server.serve(partial(_application, settings, endpoints, is_open, hosts), listening)


def _application(
    settings: "Settings", endpoints: "Endpoints", is_open: bool, hosts: frozenset[str] | None
) -> "ASGIApp":
    from adapters.composition.settings import secrets_of
    from adapters.dashboard.app import over_read_database
    from adapters.telemetry.logs import configure_logs

    configure_logs(secrets=secrets_of(settings))
    return over_read_database(
        settings,
        endpoints,
        is_open=is_open,
        hosts=hosts,
        is_metrics_open=is_open or settings.metrics.open,
    )

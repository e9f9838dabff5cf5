"""`catalog serve`: the catalog API over HTTP, and the operations dashboard beside it."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from adapters.cli.listening import address_of, listen_on
from domain.failures import Misconfigured

if TYPE_CHECKING:
    from adapters.api.application import Api
    from adapters.api.server import Serving
    from adapters.composition.endpoints import Endpoints
    from adapters.composition.settings import Settings

log = structlog.get_logger("serve")


def register(app: typer.Typer) -> None:
    """Add `serve` to the command."""
    app.command()(serve)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes; they share nothing but the port.")
    ] = 1,
    keys: Annotated[
        bool | None,
        typer.Option(
            "--keys/--open",
            help="Whether reading needs an API key. Default: no on loopback, yes elsewhere.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve the catalog API and the dashboard.

    Until SIGTERM or Ctrl-C. `/openapi.json` describes the API. Needs the read database only;
    where all engines are known, `/v1/explain` also shows events, and a single process shows the
    dashboard at `/` (several would each know only the actions that they started: there `catalog
    dashboard` is for).
    """
    from adapters.api import server
    from adapters.composition.settings import load_settings, secrets_of
    from adapters.telemetry.logs import configure_logs

    settings = load_settings()
    secrets = frozenset(secrets_of(settings))
    configure_logs(secrets=secrets)
    read_dsn, endpoints = _addresses(settings)
    near = server.is_loopback(host)
    is_open = near if keys is None else not keys
    serving = server.Serving(
        read_dsn,
        is_open,
        server.LOOPBACK_NAMES | {host} if near and is_open else None,
        settings.metrics.open,
        settings.read.pooler,
        zones=settings.zones,
    )
    listening = listen_on(host, port)
    log.info(
        "serving the catalog",
        address=address_of(host, listening),
        access="open" if is_open else "API keys only",
    )
    if is_open and not near:
        log.warning("whoever reaches this address may read the catalog")
    with listening:
        shows = endpoints is not None and workers == 1
        make = partial(_application, serving, endpoints, secrets, settings if shows else None)
        server.serve(make, listening, workers)


def _application(
    serving: "Serving",
    endpoints: "Endpoints | None",
    secrets: frozenset[str],
    settings: "Settings | None",
) -> "Api":
    """Made in each process; with `settings` it has a dashboard."""
    from adapters.api.server import application
    from adapters.composition.clients import event_history
    from adapters.telemetry.logs import configure_logs

    configure_logs(secrets=secrets)
    if endpoints is None:
        return application(serving)
    history = event_history(endpoints)
    if settings is None:
        return application(serving, history)
    from adapters.api.metrics import ApiMetrics
    from adapters.dashboard.app import over_read_database

    metrics = ApiMetrics()
    board = over_read_database(
        settings,
        endpoints,
        is_open=serving.is_open,
        hosts=None,  # the API has judged the name, and who may read the metrics
        is_metrics_open=True,
        registry=metrics.told,
    )
    return application(serving, history, board, metrics)


def _addresses(settings: "Settings") -> "tuple[str, Endpoints | None]":
    """The read database; and all engines where the settings, or a running `up`, name them."""
    from adapters.composition.endpoints import given_addresses, resolve_endpoints

    try:
        endpoints = resolve_endpoints(settings)
    except Misconfigured:
        read = given_addresses(settings).get("read")
        if read is None:
            raise
        return read, None
    return endpoints.read_dsn, endpoints

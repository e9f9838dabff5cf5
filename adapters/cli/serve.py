"""`catalog serve`: the catalog API over HTTP."""

import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.errors import SettingsError, UsageProblem

if TYPE_CHECKING:
    from adapters.api.application import Api
    from adapters.api.server import Serving
    from adapters.endpoints import RegistryEndpoint
    from adapters.settings import Settings


@dataclass(frozen=True, repr=False)
class _Log:
    """Where the event log is."""

    kafka: dict[str, str]
    registry: "RegistryEndpoint"


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
    """Serve the catalog API until SIGTERM or Ctrl-C.

    `/openapi.json` describes it. Needs the read database only; with Kafka and the registry,
    `/v1/explain` also shows events.
    """
    from adapters.api import server
    from adapters.settings import load_settings
    from adapters.telemetry.logs import secrets_of

    settings = load_settings()
    read_dsn, event_log = _addresses(settings)
    near = server.is_loopback(host)
    is_open = near if keys is None else not keys
    serving = server.Serving(
        read_dsn, is_open, server.LOOPBACK_NAMES | {host} if near and is_open else None
    )
    try:
        listening = server.listen(host, port)
    except OSError as error:
        raise UsageProblem(
            f"can't listen on {host} port {port}: {error.strerror};"
            " choose others with --host, --port"
        ) from error
    shown = f"[{host}]" if ":" in host else host
    print(
        f"http://{shown}:{listening.getsockname()[1]} serves the catalog"
        f" ({'open' if is_open else 'API keys only'})",
        file=sys.stderr,
        flush=True,
    )
    if is_open and not near:
        print("warning: whoever reaches this address may read the catalog", file=sys.stderr)
    with listening:
        make = partial(_application, serving, event_log, frozenset(secrets_of(settings)))
        server.serve(make, listening, workers)


def _application(serving: "Serving", event_log: _Log | None, secrets: frozenset[str]) -> "Api":
    """Made in each process."""
    from adapters.api.explain import historian
    from adapters.api.server import application
    from adapters.telemetry.logs import configure_logs

    configure_logs(secrets=secrets)
    history = historian(event_log.kafka, event_log.registry) if event_log else None
    return application(serving, history)


def _addresses(settings: "Settings") -> tuple[str, _Log | None]:
    """The read database; and the event log where the settings, or a running `up`, say."""
    from adapters.endpoints import given_addresses, resolve_endpoints

    try:
        endpoints = resolve_endpoints(settings)
    except SettingsError:
        read = given_addresses(settings).get("read")
        if read is None:
            raise
        return read, None
    return endpoints.read_dsn, _Log(endpoints.kafka, endpoints.registry)

"""`catalog connect-config` and `catalog connect …`: the capture connector and its slots."""

import json
import sys
from enum import StrEnum
from typing import Annotated

import typer

from domain.failures import Failure, Unhealthy, WrongUsage

AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


class Source(StrEnum):
    """Databases of a master catalog."""

    POSTGRES = "postgres"
    SQLSERVER = "sqlserver"


def register(app: typer.Typer) -> None:
    """Add `connect-config` and `connect` to the command."""
    app.command("connect-config")(connect_config)
    group = typer.Typer(no_args_is_help=True, help="The capture connector in Kafka Connect.")
    for command in (apply, status, validate, slots):
        group.command()(command)
    app.add_typer(group, name="connect")


def connect_config(
    source: Source,
    host: Annotated[str | None, typer.Option(help="SQL Server's host.")] = None,
    port: Annotated[int, typer.Option(help="SQL Server's port.")] = 1433,
    user: Annotated[str, typer.Option(help="SQL Server's user.")] = "catalog_capture",
    database: Annotated[str, typer.Option(help="SQL Server's database.")] = "catalog",
) -> None:
    """Print the connector's configuration as JSON, for a house's own Kafka Connect.

    The password is left out: the worker puts in its environment's MASTER_PASSWORD
    (config.providers=env, config.providers.env.class=
    org.apache.kafka.common.config.provider.EnvVarConfigProvider).
    """
    from adapters.capture.connector import without_secrets

    print(json.dumps(without_secrets(_configuration(source, host, port, user, database)), indent=2))


def apply() -> None:
    """Give Kafka Connect the PostgreSQL connector's configuration and wait until it runs."""
    from adapters.composition.clients import kafka_connect
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    settings = load_settings()
    name = settings.connect.connector
    connect = kafka_connect(resolve_endpoints(settings, ("connect", "master")))
    has_changed = connect.apply(name, _configuration(Source.POSTGRES))
    connect.await_running(name)
    print(f"connector {name} runs ({'applied' if has_changed else 'as it was'})")


def status(as_json: AsJson = False) -> None:
    """Show the connector's state; exit 3 where it doesn't run."""
    from adapters.composition.clients import kafka_connect
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    settings = load_settings()
    found = kafka_connect(resolve_endpoints(settings, ("connect",))).status(
        settings.connect.connector
    )
    if as_json:
        print(
            json.dumps(
                {
                    "connector": found.name,
                    "state": found.state,
                    "task": found.task,
                    "trace": found.trace,
                }
            )
        )
    else:
        print(f"connector {found.name}: {found.state}, task: {found.task}")
    if not found.is_running:
        raise Unhealthy(f"the connector {found.name} doesn't run: {found.trace or found.state}")


def validate(
    source: Source = Source.POSTGRES,
    host: Annotated[str | None, typer.Option(help="SQL Server's host.")] = None,
    port: Annotated[int, typer.Option(help="SQL Server's port.")] = 1433,
    user: Annotated[str, typer.Option(help="SQL Server's user.")] = "catalog_capture",
    database: Annotated[str, typer.Option(help="SQL Server's database.")] = "catalog",
) -> None:
    """Let the connector's own class judge the configuration; exit 1 where it complains."""
    from adapters.composition.clients import kafka_connect
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    configuration = _configuration(source, host, port, user, database)
    connect = kafka_connect(resolve_endpoints(load_settings(), ("connect",)))
    complaints = connect.validate(configuration)
    for name, texts in complaints.items():
        print(f"{name}: {'; '.join(texts)}")
    if complaints:
        raise Failure(f"{len(complaints)} settings are refused")
    print(f"{len(configuration)} settings are valid", file=sys.stderr)


def slots(
    drop: Annotated[
        str | None, typer.Option(metavar="NAME", help="Drop this slot, which nobody reads.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the replication slots of the master's server, with the log that each holds back.

    A slot that nobody reads keeps the server's log for ever. Dropping it loses its place: its
    connector would begin with a new snapshot.
    """
    from adapters.capture.slots import drop_slot, list_slots
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    dsn = resolve_endpoints(load_settings()).master_dsn
    if drop is not None:
        drop_slot(dsn, drop)
        print(f"dropped slot {drop}", file=sys.stderr)
    found = list_slots(dsn)
    if as_json:
        keys = ("name", "database", "is_active", "retained_bytes", "unread_bytes")
        print(json.dumps([{key: getattr(slot, key) for key in keys} for slot in found]))
        return
    for slot in found:
        reader = "read" if slot.is_active else "nobody reads it"
        held = "given up" if slot.retained_bytes is None else f"{slot.retained_bytes / 1e6:.1f} MB"
        print(f"{slot.name}\t{slot.database}\t{reader}\tholds {held}")


def _configuration(
    source: Source,
    host: str | None = None,
    port: int = 1433,
    user: str = "catalog_capture",
    database: str = "catalog",
) -> dict[str, str]:
    from adapters.capture import connector
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.composition.topology import MASTER_SCHEMA, capture

    settings = load_settings()
    endpoints = resolve_endpoints(settings)
    if source is Source.POSTGRES:
        return connector.postgres_configuration(
            capture(settings),
            endpoints.master_dsn,
            slot=settings.connect.slot,
            publication=settings.connect.publication,
            schema=MASTER_SCHEMA,
        )
    if host is None:
        raise WrongUsage("name SQL Server's host: --host (and --port, --user, --database)")
    return connector.sql_server_configuration(
        capture(settings),
        host=host,
        port=port,
        user=user,
        password="",
        database=database,
        bootstrap_servers=endpoints.kafka["bootstrap.servers"],
    )

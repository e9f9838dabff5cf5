"""`catalog connect-config` and `catalog connect …`: the capture connector and its slots."""

import json
import sys
from enum import StrEnum
from typing import Annotated

import typer

from adapters.cli import tables
from adapters.cli.tables import Figure
from adapters.figures import size
from domain.failures import Failure, Unhealthy, WrongUsage

AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


class Source(StrEnum):
    """Databases of a master catalog."""

    POSTGRES = "postgres"
    SQLSERVER = "sqlserver"


MasterSource = Annotated[Source, typer.Argument(help="What the master's database is.")]
Host = Annotated[str | None, typer.Option(help="SQL Server's host.")]
Port = Annotated[int, typer.Option(help="SQL Server's port.")]
User = Annotated[str, typer.Option(help="SQL Server's user.")]
Database = Annotated[str, typer.Option(help="SQL Server's database.")]


def register(app: typer.Typer) -> None:
    """Add `connect-config` and `connect` to the command."""
    app.command("connect-config")(connect_config)
    group = typer.Typer(no_args_is_help=True, help="The capture connector in Kafka Connect.")
    for command in (apply, status, validate, slots):
        group.command()(command)
    app.add_typer(group, name="connect")


def connect_config(
    source: MasterSource = Source.POSTGRES,
    host: Host = None,
    port: Port = 1433,
    user: User = "catalog_capture",
    database: Database = "catalog",
) -> None:
    """Print the capture connector's configuration.

    As JSON, to be given to a Kafka Connect that isn't managed by `catalog connect apply`. Secrets
    are left out: a config provider of Connect reads MASTER_PASSWORD (and KAFKA_JAAS_CONFIG where
    Kafka wants a password), by default from its environment (config.providers=env,
    config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider).
    CATALOG_CONNECT__SECRETS names another.
    """
    from adapters.capture.connector import without_secrets
    from adapters.composition.settings import load_settings

    provider = load_settings().connect.secrets or "env"
    found = without_secrets(_configuration(source, host, port, user, database), provider)
    print(json.dumps(found, indent=2))


def apply() -> None:
    """Configure the connector, and wait until it runs.

    First the master gets what capture needs there: the publication, and the role's rights.
    """
    from adapters.composition.clients import kafka_connect, require_brokers
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.identity import claim
    from adapters.composition.preparation import prepare_master, start_capture
    from adapters.composition.settings import load_settings

    settings = load_settings()
    endpoints = resolve_endpoints(settings, ("connect", "kafka", "master"))
    kafka_connect(endpoints).status(settings.connect.connector)  # nothing is begun without it
    require_brokers(endpoints)
    claim(settings, endpoints)
    prepare_master(settings, endpoints, lambda line: print(line, file=sys.stderr))
    if settings.connect.url is not None and settings.connect.secrets is None:
        print(
            "warning: Connect tells the master's password to whoever may ask it; name a config"
            " provider of its (CATALOG_CONNECT__SECRETS)",
            file=sys.stderr,
        )
    has_changed = start_capture(settings, endpoints)
    name = settings.connect.connector
    print(f"connector {name} runs ({'applied' if has_changed else 'as it was'})")


def status(as_json: AsJson = False) -> None:
    """Show the connector's state; exit 3 where it doesn't run."""
    from adapters.composition.clients import kafka_connect
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    settings = load_settings()
    endpoints = resolve_endpoints(settings, ("connect",))
    found = kafka_connect(endpoints).status(settings.connect.connector)
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
    source: MasterSource = Source.POSTGRES,
    host: Host = None,
    port: Port = 1433,
    user: User = "catalog_capture",
    database: Database = "catalog",
) -> None:
    """Let the connector's own class check the configuration.

    Exit code 1 where it refuses a setting.
    """
    from adapters.composition.clients import kafka_connect
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    configuration = _configuration(source, host, port, user, database)
    connect = kafka_connect(resolve_endpoints(load_settings(), ("connect",)))
    refused = connect.validate(configuration)
    for name, texts in refused.items():
        print(f"{name}: {'; '.join(texts)}")
    if refused:
        raise Failure(f"{len(refused)} settings are refused")
    print(f"{len(configuration)} settings are valid", file=sys.stderr)


def slots(
    drop: Annotated[
        str | None, typer.Option(metavar="NAME", help="Drop this slot, which has no reader.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the replication slots of the master's server.

    With the write-ahead log that each holds back. A slot without a reader keeps the server's log
    for ever. Dropping it loses its place: its connector would begin with a new snapshot.
    """
    from adapters.capture.slots import drop_slot, list_slots
    from adapters.composition.databases import master_connection
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    dsn = resolve_endpoints(load_settings(), ("master",)).master_dsn
    with master_connection(dsn, "slots") as master:
        if drop is not None:
            drop_slot(master, drop)
            print(f"dropped slot {drop}", file=sys.stderr)
        found = list_slots(master)
    if as_json:
        keys = ("name", "database", "is_active", "retained_bytes", "unread_bytes")
        print(json.dumps([{key: getattr(slot, key) for key in keys} for slot in found]))
        return
    tables.show(
        ("slot", "database", "reader", "holds back"),
        [
            (
                slot.name,
                slot.database,
                "yes" if slot.is_active else "none",
                Figure("lost")
                if slot.retained_bytes is None
                else Figure(size(slot.retained_bytes)),
            )
            for slot in found
        ],
    )


def _configuration(
    source: Source,
    host: str | None = None,
    port: int = 1433,
    user: str = "catalog_capture",
    database: str = "catalog",
) -> dict[str, str]:
    from adapters.capture import connector
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.preparation import plain_configuration
    from adapters.composition.settings import load_settings
    from adapters.composition.topology import capture

    settings = load_settings()
    if source is Source.POSTGRES:
        return plain_configuration(settings, resolve_endpoints(settings, ("kafka", "master")))
    if host is None:
        raise WrongUsage("name SQL Server's host: --host (and --port, --user, --database)")
    endpoints = resolve_endpoints(settings, ("kafka",))
    return connector.sql_server_configuration(
        capture(settings),
        host=host,
        port=port,
        user=user,
        password="",
        database=database,
        bootstrap_servers=endpoints.kafka["bootstrap.servers"],
    )

"""What must be there before the first change can flow: tables, topics, contracts, capture.

Each step may be repeated: what is there already is left as it is.
"""

from collections import Counter
from collections.abc import Callable
from urllib.parse import quote, urlsplit, urlunsplit

from adapters.capture.connector import postgres_configuration, without_secrets
from adapters.capture.grants import CaptureRights, let_read, make_role, publish
from adapters.composition import clients
from adapters.composition.databases import master_connection
from adapters.composition.endpoints import Endpoints
from adapters.composition.identity import claim, claim_read
from adapters.composition.settings import Settings
from adapters.composition.topology import capture, topology
from adapters.embedded.connect import keep_secrets
from adapters.embedded.state import remember_secret
from adapters.ingestion.master.tables import CAPTURED
from adapters.read_database.generations import ENGINE_SCHEMA
from domain.schemas.versions import contracts
from migrations.run import upgrade

EMBEDDED_ROLE = "catalog_capture"
"""Who captures the embedded master."""


def prepare(settings: Settings, endpoints: Endpoints, report: Callable[[str], None]) -> None:
    """Bring everything outside to what this version of the software needs.

    Raises Failure naming what refused, and why.
    """
    upgrade(endpoints.master_dsn, "master", settings.master.schema_name)
    upgrade(endpoints.read_dsn, "engine", ENGINE_SCHEMA)
    report("migrated the master catalog and the engine's tables")
    applied = clients.topics(endpoints).apply(topology(settings).all_topics)
    actions = Counter(topic.action for topic in applied)
    report(f"topics: {', '.join(f'{n} {action}' for action, n in sorted(actions.items()))}")
    claim(settings, endpoints)
    claim_read(settings, endpoints)
    report(f"contracts: {register_contracts(endpoints)} in the schema registry")
    prepare_master(settings, endpoints, report)
    start_capture(settings, endpoints)
    report(f"capture: connector {settings.connect.connector} runs")


def register_contracts(endpoints: Endpoints) -> int:
    """Register every version of every contract; returns how many contracts there are."""
    with clients.registry(endpoints) as registry:
        for contract in contracts():
            registry.register(contract)
    return len(contracts())


def prepare_master(settings: Settings, endpoints: Endpoints, report: Callable[[str], None]) -> None:
    """Make the publication, and let the capturing role read; the tables must be there.

    Raises MasterProblem, Unavailable.
    """
    role, password = _capture_role(settings)
    rights = CaptureRights(
        CAPTURED, settings.master.schema_name, settings.connect.publication, role
    )
    with master_connection(endpoints.master_dsn, "prepare") as master, master.transaction():
        if role == EMBEDDED_ROLE and settings.master.url is None:
            make_role(master, role, password)
        let_read(master, rights)
        if added := publish(master, rights):
            report(f"publication {rights.publication}: {len(added)} tables added")


def start_capture(settings: Settings, endpoints: Endpoints) -> bool:
    """Give Connect the connector's configuration and wait until it runs; whether it is new.

    One that had failed is started again.
    """
    connector = settings.connect.connector
    connect = clients.kafka_connect(endpoints)
    before = connect.status(connector)
    has_changed = connect.apply(connector, connector_configuration(settings, endpoints))
    if "FAILED" in (before.state, before.task):
        connect.restart(connector)
    connect.await_running(connector, former=before.trace)
    return has_changed


def connector_configuration(settings: Settings, endpoints: Endpoints) -> dict[str, str]:
    """The PostgreSQL connector's, as Connect is told it.

    The embedded Connect reads the secrets from a file, and one that is given by the provider that
    the settings name; without a name they are told to it.
    """
    configuration = plain_configuration(settings, endpoints)
    if settings.connect.url is None:
        return keep_secrets(settings.data, configuration)
    provider = settings.connect.secrets
    return configuration if provider is None else without_secrets(configuration, provider)


def plain_configuration(settings: Settings, endpoints: Endpoints) -> dict[str, str]:
    """The PostgreSQL connector's with its secrets."""
    names = settings.connect
    role, password = _capture_role(settings)
    return postgres_configuration(
        capture(settings),
        endpoints.master_dsn if role is None else _as_role(endpoints.master_dsn, role, password),
        endpoints.kafka,
        slot=names.slot,
        publication=names.publication,
        schema=settings.master.schema_name,
    )


def _capture_role(settings: Settings) -> tuple[str | None, str]:
    """Who captures, and by which password; None: the user of the master's address."""
    names = settings.connect
    if names.user is not None:
        return names.user, names.password.get_secret_value() if names.password else ""
    if settings.master.url is None:
        return EMBEDDED_ROLE, remember_secret(settings.data, "capture-password")
    return None, ""


def _as_role(dsn: str, role: str, password: str) -> str:
    parts = urlsplit(dsn)
    place = parts.netloc.rpartition("@")[2]
    name = f"{quote(role, safe='')}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{name}@{place}"))

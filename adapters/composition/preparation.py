"""What must be there before the first change can flow: tables, topics, contracts, capture.

Each step may be repeated: what is there already is left as it is.
"""

from collections import Counter
from collections.abc import Callable

from adapters.capture.connector import postgres_configuration
from adapters.composition import clients
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.composition.topology import MASTER_SCHEMA, capture, topology
from adapters.embedded.connect import keep_secrets
from adapters.read_database.generations import ENGINE_SCHEMA
from domain.schemas.versions import contracts
from migrations.run import upgrade


def prepare(settings: Settings, endpoints: Endpoints, report: Callable[[str], None]) -> None:
    """Bring everything outside to what this version of the software needs.

    Raises Failure naming what refused, and why.
    """
    upgrade(endpoints.master_dsn, "master", MASTER_SCHEMA)
    upgrade(endpoints.read_dsn, "engine", ENGINE_SCHEMA)
    report("migrated the master catalog and the engine's tables")
    applied = clients.topics(endpoints).apply(topology(settings).all_topics)
    actions = Counter(topic.action for topic in applied)
    report(f"topics: {', '.join(f'{n} {action}' for action, n in sorted(actions.items()))}")
    report(f"contracts: {register_contracts(endpoints)} in the schema registry")
    start_capture(settings, endpoints)
    report(f"capture: connector {settings.connect.connector} runs")


def register_contracts(endpoints: Endpoints) -> int:
    """Register every version of every contract; returns how many contracts there are."""
    with clients.registry(endpoints) as registry:
        for contract in contracts():
            registry.register(contract)
    return len(contracts())


def start_capture(settings: Settings, endpoints: Endpoints) -> None:
    """Give Connect the connector's configuration and wait until it runs."""
    names = settings.connect
    connect = clients.kafka_connect(endpoints)
    connect.apply(names.connector, connector_configuration(settings, endpoints))
    connect.await_running(names.connector)


def connector_configuration(settings: Settings, endpoints: Endpoints) -> dict[str, str]:
    """The PostgreSQL connector's; the embedded Connect reads its secrets from a file."""
    names = settings.connect
    configuration = postgres_configuration(
        capture(settings),
        endpoints.master_dsn,
        endpoints.kafka,
        slot=names.slot,
        publication=names.publication,
        schema=MASTER_SCHEMA,
    )
    is_embedded = names.url is None
    return keep_secrets(settings.data, configuration) if is_embedded else configuration

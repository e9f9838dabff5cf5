"""How a foreign master's tables are captured: publication, connector, topics, and their end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import monotonic, sleep

import psycopg
from psycopg import sql

from adapters.capture.connector import Capture, postgres_configuration, without_secrets
from adapters.capture.databases import ForeignTables, foreign_configuration
from adapters.capture.grants import CaptureRights, publish
from adapters.capture.signals import Signals, signal_topic
from adapters.capture.slots import MasterProblem, drop_slot, list_slots
from adapters.composition import clients
from adapters.composition.databases import source_connection
from adapters.composition.endpoints import Endpoints, with_timeouts
from adapters.composition.settings import Settings
from adapters.embedded.connect import keep_secrets
from adapters.event_log.producer import producer
from adapters.event_log.registry import Registry
from adapters.event_log.registry_endpoint import RegistryEndpoint
from adapters.event_log.topic_plans import TopicPlan
from adapters.source.definition import Source
from adapters.source.lifecycle import topics_of
from domain.failures import Misconfigured, Unhealthy, WrongUsage

_PAUSE = 0.5
_SLOT_SECONDS = 30.0


def address(settings: Settings, name: str) -> str | None:
    """The source's database, by its name; None where none is set."""
    given = settings.source.address.get(name)
    return None if given is None else with_timeouts(given.get_secret_value())


def required_address(settings: Settings, name: str) -> str:
    """The same. Raises Misconfigured naming the setting."""
    found = address(settings, name)
    if found is None:
        raise Misconfigured(
            f"the database of the source {name} isn't known: set"
            f" CATALOG_SOURCE__ADDRESS__{name.upper()} to postgresql://user:password@host/database"
            " (or mariadb://…, mysql://…)"
        )
    return found


def connector_name(settings: Settings, source: Source) -> str:
    """Its connector in Kafka Connect."""
    return f"{settings.kafka.prefix}source-{source.name}"


@contextmanager
def schemas(endpoints: Endpoints, source: Source) -> Iterator[Registry | None]:
    """The registry of its records, if they should be in Avro; None where none is known."""
    own = source.registry
    endpoint = endpoints.registry if own is None else RegistryEndpoint(own)
    if not endpoint.url:
        yield None
        return
    with closing(Registry.at(endpoint)) as registry:
        yield registry


def slot_name(source: Source) -> str:
    """Its replication slot and its publication."""
    return f"catalog_source_{source.name}"


def topic_plans(settings: Settings, source: Source) -> list[TopicPlan]:
    """Its topics. One partition each: so a truncation, and a key that moves, stand in order."""
    kafka = settings.kafka
    names = topics_of(source)
    if source.connector != "none":
        names = [*names, signal_topic(source.topics)]
    return [TopicPlan(name, 1, kafka.replication_factor, kafka.message_max_bytes) for name in names]


def prepare_capture(
    settings: Settings, endpoints: Endpoints, source: Source, report: Callable[[str], None]
) -> None:
    """Make publication, topics and connector, and wait until that runs.

    Raises Misconfigured (what its database refuses), ConnectProblem, KafkaFailed.
    """
    if source.connector == "none":
        return
    if source.connector == "postgresql":
        _publish(settings, source, report)
    clients.topics(endpoints).apply(topic_plans(settings, source))
    name = connector_name(settings, source)
    connect = clients.kafka_connect(endpoints)
    before = connect.status(name)
    connect.apply(name, configuration(settings, endpoints, source))
    if "FAILED" in (before.state, before.task):
        connect.restart(name)
    connect.await_running(name, former=before.trace)
    report(f"capture: connector {name} runs")


def configuration(settings: Settings, endpoints: Endpoints, source: Source) -> dict[str, str]:
    """Its connector's, as Connect is told it: secrets are left to a provider where there is one."""
    told = plain_configuration(settings, endpoints, source)
    if settings.connect.url is None:
        return keep_secrets(settings.data, told, f"source-{source.name}")
    provider = settings.connect.secrets
    if provider is None:
        return told
    return without_secrets(told, provider, f"SOURCE_{source.name.upper()}")


def plain_configuration(settings: Settings, endpoints: Endpoints, source: Source) -> dict[str, str]:
    """The same with its secrets. Raises Misconfigured."""
    own = settings.source.capture.get(source.name)
    given = required_address(settings, source.name)
    dsn = given if own is None else own.get_secret_value()
    captured = Capture(
        tables=[table.of_source for table in source.tables.values()],
        topic_prefix=source.topics,
        partitions=1,
        replication_factor=settings.kafka.replication_factor or -1,
        message_bytes=settings.kafka.message_max_bytes,
    )
    if source.connector == "postgresql":
        told = postgres_configuration(
            captured,
            dsn,
            endpoints.kafka,
            slot=slot_name(source),
            publication=slot_name(source),
            schema=source.schema,
        )
        told["interval.handling.mode"] = "string"
    else:
        of = ForeignTables(source.connector, source.database or "", source.schema, captured.tables)
        told = foreign_configuration(captured, of, dsn, endpoints.kafka)
    return {**told, **source.connector_settings}


def recapture(endpoints: Endpoints, source: Source, table: str) -> None:
    """Ask its connector for all rows of a table once more."""
    Signals(producer(endpoints.kafka), source.topics).recapture(source.collection_of(table))


def is_snapshot_done(settings: Settings, endpoints: Endpoints, source: Source) -> bool:
    """Whether its connector has read what was there, and goes on with what changes.

    Debezium's offsets say `snapshot_completed` until the first change after it (its source,
    CommonOffsetContext), and Connect tells them. Raises ConnectProblem where the connector failed.
    """
    if source.connector == "none":
        return True
    connect, name = clients.kafka_connect(endpoints), connector_name(settings, source)
    status = connect.status(name)
    if "FAILED" in (status.state, status.task):
        raise Unhealthy(f"the connector {name} failed: {status.trace}")
    offsets = connect.offsets(name)
    return bool(offsets) and all(
        "snapshot" not in offset or str(offset.get("snapshot_completed")).lower() == "true"
        for offset in offsets
    )


def end_capture(
    settings: Settings, endpoints: Endpoints, source: Source, report: Callable[[str], None]
) -> None:
    """Take connector, slot, publication and topics away; what is gone already is passed over."""
    if source.connector == "none":
        return
    name = connector_name(settings, source)
    if clients.kafka_connect(endpoints).forget(name):
        report(f"removed the connector {name}")
    if source.connector == "postgresql" and (dsn := address(settings, source.name)) is not None:
        with source_connection(dsn, source.name, "remove") as origin:
            _drop_slot(origin, slot_name(source), report)
            origin.execute(
                sql.SQL("DROP PUBLICATION IF EXISTS {}").format(sql.Identifier(slot_name(source)))
            )
    topics = clients.topics(endpoints)
    ours = [name for name in topics.names() if name.startswith(f"{source.topics}.")]
    gone = topics.delete([*ours, f"__debezium-heartbeat.{source.topics}"])
    report(f"removed {len(gone)} topics")


def _drop_slot(origin: psycopg.Connection, name: str, report: Callable[[str], None]) -> None:
    until = monotonic() + _SLOT_SECONDS
    while name in {slot.name for slot in list_slots(origin)}:
        try:
            drop_slot(origin, name)
            report(f"removed the replication slot {name}")
        except WrongUsage:  # its reader is about to leave
            if monotonic() > until:
                raise
            sleep(_PAUSE)


def _publish(settings: Settings, source: Source, report: Callable[[str], None]) -> None:
    rights = CaptureRights(list(source.tables), source.schema, slot_name(source), via_root=True)
    dsn = required_address(settings, source.name)
    with source_connection(dsn, source.name, "prepare") as origin, origin.transaction():
        try:
            added = publish(origin, rights)
        except MasterProblem as problem:
            listed = ", ".join(f"{source.schema}.{table}" for table in source.tables)
            raise Misconfigured(
                f"the source's database gives no publication ({problem.__cause__}): let its owner"
                f" CREATE PUBLICATION {rights.publication} FOR TABLE {listed} WITH"
                " (publish_via_partition_root = true)"
            ) from problem
    if added:
        report(f"publication {rights.publication}: {len(added)} tables added")

"""The state of this installation: each function asks the engines and closes its connections."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

from adapters.composition import clients, source_following
from adapters.composition.databases import READ_ONLY, master_connection, read_connection
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.composition.topology import (
    READ_MODELS,
    project_group,
    topology,
    translate_group,
)
from adapters.event_log.registry import Registration
from adapters.ingestion.master.tables import CAPTURED
from adapters.monitoring import generations, status, topics, workers
from adapters.monitoring.generations import SeenGeneration
from adapters.monitoring.health import ChainStatus
from adapters.monitoring.status import Engines, Installation
from adapters.monitoring.topics import CheckedTopic
from adapters.monitoring.workers import WorkerGroup
from adapters.read_database import dead_letter_search
from adapters.read_database.dead_letter_search import ReasonCount
from adapters.source import register
from domain.schemas import contracts
from projections.read_model import ReadModel


def installation(settings: Settings) -> Installation:
    """What these settings make of the chain."""
    plan = topology(settings)
    return Installation(
        connector=settings.connect.connector,
        slot=settings.connect.slot,
        captured=CAPTURED,
        schema=settings.master.schema_name,
        publication=settings.connect.publication,
        message_bytes=settings.kafka.message_max_bytes,
        topics=plan.all_topics,
        change_topics=[topic.name for topic in plan.change_topics],
        translate_group=translate_group(settings),
        project_groups=[(model, project_group(settings, model)) for model in READ_MODELS],
        prefix=settings.connect.topic_prefix,
        is_exactly_once=settings.translate.exactly_once,
    )


def chain_status(settings: Settings, endpoints: Endpoints) -> ChainStatus:
    """Where the whole chain stands now; see `monitoring.status`. Raises Failure."""
    clients.require_brokers(endpoints)
    with (
        master_connection(endpoints.master_dsn, "status", READ_ONLY) as master,
        read_connection(endpoints.read_dsn, "status", READ_ONLY) as read,
        closing(clients.positions(endpoints)) as positions,
    ):
        engines = Engines(
            connect=clients.kafka_connect(endpoints),
            topics=clients.topics(endpoints),
            positions=positions,
            master=master,
            read=read,
        )
        found = status.chain_status(installation(settings), engines)
        has_sources = bool(register.names(master))
    if not has_sources:
        return found
    return dataclasses.replace(found, sources=source_following.status(settings, endpoints))


def await_idle(
    settings: Settings,
    endpoints: Endpoints,
    *,
    seconds: float,
    watch: Callable[[ChainStatus], None] = lambda _: None,
) -> ChainStatus:
    """Wait until all that was committed in the master is in every read model.

    Raises Unhealthy, saying what hinders, after `seconds`.
    """
    look = partial(chain_status, settings, endpoints)
    return status.await_idle(look, seconds=seconds, watch=watch)


def seen_generations(
    endpoints: Endpoints, models: Sequence[ReadModel] = READ_MODELS
) -> list[SeenGeneration]:
    """Every generation of these read models, and whether somebody works on it. Raises Failure."""
    with read_connection(endpoints.read_dsn, "generations", READ_ONLY) as connection:
        return generations.seen_generations(connection, [model.name for model in models])


def worker_groups(settings: Settings, endpoints: Endpoints) -> list[WorkerGroup]:
    """The workers of each stage, and where they stand. Raises Failure."""
    with (
        read_connection(endpoints.read_dsn, "workers", READ_ONLY) as read,
        closing(clients.positions(endpoints)) as positions,
    ):
        return workers.worker_groups(
            installation(settings),
            clients.admin(endpoints, "workers"),
            clients.topics(endpoints),
            positions,
            read,
        )


def checked_topics(settings: Settings, endpoints: Endpoints) -> list[CheckedTopic]:
    """The topics, and what is wrong with each. Raises Failure."""
    return topics.checked_topics(clients.topics(endpoints), topology(settings).all_topics)


def topic_sizes(settings: Settings, endpoints: Endpoints) -> dict[str, int]:
    """Bytes of the topics on all brokers' disks. Raises Failure."""
    return clients.topic_bytes(endpoints, {plan.name for plan in topology(settings).all_topics})


def parked_by_reason(endpoints: Endpoints) -> list[ReasonCount]:
    """How many records are parked for which reason. Raises Failure."""
    with read_connection(endpoints.read_dsn, "dead letters", READ_ONLY) as connection:
        return dead_letter_search.by_reason(connection)


def registrations(endpoints: Endpoints) -> list[Registration]:
    """What the registry holds of each contract. Raises Failure."""
    with closing(clients.registry(endpoints)) as registry:
        return [registry.registration(contract) for contract in contracts()]

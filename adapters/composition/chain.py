"""The chain of this installation, looked at: each function asks the engines and lets go of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

from adapters.composition import clients
from adapters.composition.databases import READ_ONLY, master_connection, read_connection
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.composition.topology import READ_MODELS, TRANSLATE_GROUP, project_group, topology
from adapters.monitoring import generations, status
from adapters.monitoring.generations import SeenGeneration
from adapters.monitoring.health import ChainStatus
from adapters.monitoring.status import Engines, Installation
from projections.read_model import ReadModel


def installation(settings: Settings) -> Installation:
    """What these settings make of the chain."""
    plan = topology(settings)
    return Installation(
        connector=settings.connect.connector,
        slot=settings.connect.slot,
        topics=plan.all_topics,
        change_topics=[topic.name for topic in plan.change_topics],
        translate_group=TRANSLATE_GROUP,
        project_groups=[(model, project_group(model)) for model in READ_MODELS],
    )


def chain_status(settings: Settings, endpoints: Endpoints) -> ChainStatus:
    """Where the whole chain stands now; see `monitoring.status`. Raises Failure."""
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
        return status.chain_status(installation(settings), engines)


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

"""The one place that connects the ports to the adapters."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Event

from adapters.capture.translator import Progress, run_translator
from adapters.composition import clients, databases
from adapters.composition.endpoints import Endpoints
from adapters.composition.preparation import prepare
from adapters.composition.services import Service, kept_running
from adapters.composition.settings import Settings
from adapters.composition.topology import READ_MODELS, TRANSLATE_GROUP, project_group, topology
from adapters.event_log.avro.decoder import ColumnDecoder
from adapters.event_log.avro.encoder import EventEncoder
from adapters.event_log.connection import Statistics
from adapters.event_log.event_log import KafkaEventLog
from adapters.event_log.subscription import OnArrival
from adapters.read_database.read_store import PostgresReadStore
from adapters.read_database.spool import DiskSpool
from adapters.telemetry.tracing import ChangeTraces
from projections.catalog import CATALOG
from projections.engine.context import EngineContext
from projections.engine.worker import Worker
from projections.read_model import ReadModel


@contextmanager
def engine_context(
    settings: Settings,
    endpoints: Endpoints,
    model: ReadModel = CATALOG,
    statistics: Statistics | None = None,
    on_arrival: OnArrival | None = None,
) -> Iterator[EngineContext]:
    """What works on a read model's generations: its log, decoder and database."""
    with (
        closing(clients.registry(endpoints)) as schemas,
        closing(PostgresReadStore(endpoints.read_dsn, model)) as store,
    ):
        yield EngineContext(
            model=model,
            events=event_log(settings, endpoints, statistics, on_arrival),
            decoder=ColumnDecoder(schemas),
            store=store,
            generations=databases.generations(endpoints, model),
            spool=DiskSpool,
        )


@contextmanager
def live_worker(context: EngineContext) -> Iterator[Worker]:
    """A member of the group that keeps a read model's live generation up to date."""
    with closing(
        Worker(
            context.model,
            context.events,
            context.decoder,
            context.store,
            project_group(context.model),
        )
    ) as worker:
        yield worker


def translate(
    settings: Settings,
    endpoints: Endpoints,
    stop: Event,
    *,
    instance: str = "1",
    progress: Progress | None = None,
    statistics: Statistics | None = None,
    traces: ChangeTraces | None = None,
) -> None:
    """Translate changes into events until `stop` is set."""
    # What is loaded by now stays. Looking through it for garbage, every few thousand records, is
    # a sixth of the work on a backlog.
    gc.collect()
    gc.freeze()
    with (
        closing(clients.registry(endpoints)) as schemas,
        closing(databases.dead_letters(endpoints)) as letters,
    ):
        run_translator(
            endpoints.kafka,
            [topic.name for topic in topology(settings).change_topics],
            EventEncoder(schemas),
            letters,
            stop,
            instance=instance,
            group=TRANSLATE_GROUP,
            progress=progress,
            statistics=statistics,
            traces=traces,
        )


def event_log(
    settings: Settings,
    endpoints: Endpoints,
    statistics: Statistics | None = None,
    on_arrival: OnArrival | None = None,
) -> KafkaEventLog:
    """The event topics."""
    return KafkaEventLog(
        endpoints.kafka,
        group_protocol=settings.kafka.group_protocol,
        statistics=statistics,
        on_arrival=on_arrival,
    )


SERVICES = (
    Service("translate", ("translate",)),
    *(
        Service(f"project-{model.name}", ("project", "--model", model.name))
        for model in READ_MODELS
    ),
)
"""What `catalog up` keeps running."""


@contextmanager
def running_services(
    settings: Settings, endpoints: Endpoints, report: Callable[[str], None]
) -> Iterator[Callable[[], None]]:
    """Prepare what is outside, and run the workers until the context is left.

    Yields a function that is called twice a second and raises a Failure when a worker ends
    again and again.
    """
    prepare(settings, endpoints, report)
    with kept_running(SERVICES, settings, report) as check:
        report(f"workers: {', '.join(service.name for service in SERVICES)}")
        yield check

"""The one place that connects the ports to the adapters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from adapters.composition import clients, databases
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.event_log.avro.decoder import ColumnDecoder
from adapters.event_log.connection import Statistics
from adapters.event_log.event_log import KafkaEventLog
from adapters.event_log.subscription import OnArrival
from adapters.read_database.read_store import PostgresReadStore
from adapters.read_database.spool import DiskSpool
from projections.catalog import CATALOG
from projections.engine.context import EngineContext
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

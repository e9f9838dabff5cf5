"""The work of the processes that go on until they are told to stop: translating and projecting."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from threading import Event

import structlog

from adapters.composition.endpoints import Endpoints
from adapters.composition.identity import await_ours, claim_read
from adapters.composition.settings import Settings, secrets_of
from adapters.composition.topology import project_group, topology, translate_group
from adapters.composition.translation import Watching, translation_context
from adapters.composition.wiring import engine_context
from adapters.event_log.change_log import ChangeGroup
from adapters.telemetry.exposition import StopSignal, exposed
from adapters.telemetry.logs import configure_logs
from adapters.telemetry.metrics import Metrics
from adapters.telemetry.observed import observed
from adapters.telemetry.tracing import EventTraces
from domain.failures import Unavailable
from projections.catalog import CATALOG
from projections.engine import rebuild as building
from projections.engine import worker
from projections.engine.backoff import backoff
from projections.engine.context import EngineContext
from projections.engine.worker import Worker
from projections.ports.generations import RebuildRunning
from projections.read_model import ReadModel
from projections.translation import worker as translation
from projections.translation.counters import TranslationCounters

log = structlog.get_logger("worker")


@contextmanager
def watched(settings: Settings, stop: StopSignal, name: str) -> Iterator[Metrics]:
    """Log as a service does, and serve the metrics if a port is set, until the context is left.

    `stop` is what the worker asks whether to go on: a worker that hangs asks no more.
    """
    configure_logs(level=logging.INFO, secrets=secrets_of(settings))
    structlog.contextvars.bind_contextvars(worker=name)
    metrics = Metrics()
    at = settings.metrics
    with exposed(at.host, at.port, metrics.registry, stop) as port:
        log.info("started", metrics_port=port)
        yield metrics
        log.info("stopping")


def translate(
    settings: Settings,
    endpoints: Endpoints,
    stop: Event,
    *,
    instance: str = "1",
    watching: Watching | None = None,
) -> None:
    """Translate changes into events until `stop` is set.

    Raises what `projections.translation.worker.run` does.
    """
    # What is loaded by now stays. Looking through it for garbage, every few thousand records, is
    # a sixth of the work on a backlog.
    gc.collect()
    gc.freeze()
    topics = [topic.name for topic in topology(settings).change_topics]
    group = ChangeGroup(translate_group(settings), instance, topics)
    told = watching or Watching(TranslationCounters())
    policy = settings.translate.policy()
    ours = partial(claim_read, settings, endpoints)
    with translation_context(endpoints, group, told, policy=policy, before=ours) as context:
        translation.run(context, stop)


def run_worker(
    settings: Settings,
    endpoints: Endpoints,
    stop: Event,
    *,
    model: ReadModel = CATALOG,
    metrics: Metrics | None = None,
    traces: EventTraces | None = None,
) -> None:
    """Project until `stop` is set; makes the first generation where there is none.

    `traces` is told of the events, where there are metrics. A database or registry that is away is
    waited for. Raises Failure for what does not heal by itself.
    """
    await_ours(settings, endpoints, stop)
    statistics = None if metrics is None else metrics.note_statistics
    on_arrival = None if traces is None else traces.arrived
    with engine_context(settings, endpoints, model, statistics, on_arrival) as bare:
        context = bare if metrics is None else observed(bare, metrics, traces)
        attempts = 0
        while not stop.is_set():
            try:
                if not _something_is_live(context):
                    stop.wait(0.5)
                    continue
                with live_worker(settings, context) as member:
                    log.info("projecting", read_model=model.name)
                    worker.run(member, stop.is_set, stop.wait)
            except Unavailable as away:  # while it begins: a member waits by itself
                attempts += 1
                log.warning("can't begin yet", reason=str(away))
                stop.wait(backoff(attempts))


def _something_is_live(context: EngineContext) -> bool:
    """Make the first generation; False while another process is about it."""
    try:
        building.ensure_live(context)
    except RebuildRunning as busy:
        log.info("waiting for a first generation", reason=str(busy))
        return False
    return True


@contextmanager
def live_worker(settings: Settings, context: EngineContext) -> Iterator[Worker]:
    """A member of the group that keeps a read model's live generation up to date."""
    with closing(
        Worker(
            context.model,
            context.events,
            context.decoder,
            context.store,
            project_group(settings, context.model),
        )
    ) as worker:
        yield worker

"""The projection engine as commands use it: wired, and its errors in the words of a user."""

import logging
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from threading import Event

import psycopg

from adapters.capture.retranslation import retranslate
from adapters.composition import clients, databases, wiring
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.composition.topology import TRANSLATE_GROUP, read_model
from adapters.event_log.avro.encoder import EventEncoder
from adapters.event_log.connection import Statistics
from adapters.event_log.subscription import OnArrival
from adapters.telemetry.metrics import Metrics
from adapters.telemetry.observed import observed
from adapters.telemetry.tracing import EventTraces
from domain.failures import Failure, NotMigrated, WrongUsage
from projections.catalog import CATALOG
from projections.engine import dead_letter, worker
from projections.engine import rebuild as building
from projections.engine.apply import Poison
from projections.engine.batch import DecoderFailed
from projections.engine.context import EngineContext
from projections.engine.dead_letter import Retried
from projections.engine.partitions import AnotherLog
from projections.engine.rebuild import HistoryNotWhole, NothingLive
from projections.engine.switch import CantSwitch
from projections.ports.dead_letters import DeadLetter, Stage
from projections.ports.generations import NothingToCarry, ReadersInTheWay, RebuildRunning
from projections.ports.read_store import StoreBusy
from projections.read_model import ReadModel

log = logging.getLogger(__name__)

_FAILURES = (
    AnotherLog,
    DecoderFailed,
    HistoryNotWhole,
    NothingLive,
    NothingToCarry,
    ReadersInTheWay,
    RebuildRunning,
    StoreBusy,
    worker.NoLiveGeneration,
)


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turn what the engine raises into what a user is told."""
    try:
        yield
    except CantSwitch as error:
        raise WrongUsage(str(error)) from error
    except Poison as error:
        raise Failure(
            f"{error}; --park-poison parks such records (and later ones of their keys) and goes on"
        ) from error
    except _FAILURES as error:
        raise Failure(str(error)) from error
    except psycopg.errors.UndefinedTable as error:
        if '"engine.' not in str(error):
            raise
        raise NotMigrated from error


@contextmanager
def engine_context(
    settings: Settings,
    endpoints: Endpoints,
    model: ReadModel = CATALOG,
    statistics: Statistics | None = None,
    on_arrival: OnArrival | None = None,
) -> Iterator[EngineContext]:
    """What works on a read model's generations; everything fails with Failure within."""
    with (
        engine_errors(),
        wiring.engine_context(settings, endpoints, model, statistics, on_arrival) as context,
    ):
        yield context


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
    statistics = None if metrics is None else metrics.note_statistics
    on_arrival = None if traces is None else traces.arrived
    with engine_context(settings, endpoints, model, statistics, on_arrival) as bare:
        context = bare if metrics is None else observed(bare, metrics, traces)
        while not _something_is_live(context):
            if stop.wait(0.5):
                return
        with wiring.live_worker(context) as member:
            log.info("projecting into %s", model.name)
            worker.run(member, stop.is_set, stop.wait)


def _something_is_live(context: EngineContext) -> bool:
    """Make the first generation; False while another process is about it."""
    try:
        building.ensure_live(context)
    except RebuildRunning as busy:
        log.info("waiting for a first generation: %s", busy)
        return False
    return True


def retry_dead_letters(
    settings: Settings, endpoints: Endpoints, letters: Collection[DeadLetter]
) -> Retried:
    """Try parked records again, each read model's apart.

    Translation's come first: what it resolves may be what the next stage waits for.
    """
    done: list[int] = []
    failed: dict[int, str] = {}
    for stage, model in sorted({(one.stage, one.read_model) for one in letters}, key=_by_stage):
        numbers = {one.number for one in letters if (one.stage, one.read_model) == (stage, model)}
        if stage is Stage.TRANSLATE:
            retried = _retranslate(endpoints, numbers)
        else:
            retried = _project_again(settings, endpoints, read_model(model), numbers)
        done += retried.done
        failed |= retried.failed
    return Retried(tuple(done), failed)


def _by_stage(queue: tuple[Stage, str]) -> tuple[bool, str]:
    return (queue[0] is not Stage.TRANSLATE, queue[1])


def _project_again(
    settings: Settings, endpoints: Endpoints, model: ReadModel, numbers: Collection[int]
) -> Retried:
    with (
        engine_context(settings, endpoints, model) as context,
        closing(databases.dead_letters(endpoints, model)) as letters,
    ):
        return dead_letter.retry(context, letters, numbers)


def _retranslate(endpoints: Endpoints, numbers: Collection[int]) -> Retried:
    with (
        engine_errors(),
        closing(clients.registry(endpoints)) as registry,
        closing(databases.dead_letters(endpoints)) as letters,
    ):
        return retranslate(
            endpoints.kafka, EventEncoder(registry), letters, numbers, group=TRANSLATE_GROUP
        )

"""The projection engine as commands use it: wired, and its errors in the words of a user."""

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from threading import Event

from adapters import wiring
from adapters.endpoints import Endpoints
from adapters.errors import CatalogError, UsageProblem
from adapters.kafka.connection import Statistics
from adapters.kafka.retranslation import retranslate
from adapters.postgres.heaps import HeapsLost
from adapters.registry.encoder import EventEncoder
from adapters.settings import Settings
from adapters.telemetry.metrics import Metrics
from adapters.telemetry.observed import observed
from adapters.topology import TRANSLATE_GROUP
from projections.catalog import CATALOG
from projections.engine import dead_letter, worker
from projections.engine import rebuild as building
from projections.engine.apply import Poison
from projections.engine.batch import DecoderFailed
from projections.engine.dead_letter import Retried
from projections.engine.partitions import AnotherLog
from projections.engine.parts import Parts
from projections.engine.rebuild import HistoryNotWhole, NothingLive
from projections.engine.switch import CantSwitch
from projections.read_model import ReadModel
from projections.store import NothingToCarry, ReadersInTheWay, RebuildRunning, StoreBusy

log = logging.getLogger(__name__)

_FAILURES = (
    AnotherLog,
    DecoderFailed,
    HeapsLost,
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
        raise UsageProblem(str(error)) from error
    except Poison as error:
        raise CatalogError(
            f"{error}; --park-poison parks such records (and later ones of their keys) and goes on"
        ) from error
    except _FAILURES as error:
        raise CatalogError(str(error)) from error


@contextmanager
def read_model_parts(
    settings: Settings,
    endpoints: Endpoints,
    model: ReadModel = CATALOG,
    statistics: Statistics | None = None,
) -> Iterator[Parts]:
    """What works on a read model's generations; everything fails with CatalogError within."""
    with engine_errors(), wiring.read_model_parts(settings, endpoints, model, statistics) as parts:
        yield parts


def run_worker(
    settings: Settings,
    endpoints: Endpoints,
    stop: Event,
    *,
    model: ReadModel = CATALOG,
    ready: Callable[[], None] = lambda: None,
    metrics: Metrics | None = None,
) -> None:
    """Project until `stop` is set; makes the first generation where there is none.

    A database or registry that is away is waited for. Raises CatalogError for what does not heal
    by itself.
    """
    statistics = None if metrics is None else metrics.note_statistics
    with read_model_parts(settings, endpoints, model, statistics) as bare:
        parts = bare if metrics is None else observed(bare, metrics)
        while not _something_is_live(parts):
            if stop.wait(0.5):
                return
        with wiring.live_worker(parts) as member:
            ready()
            worker.run(member, stop.is_set, stop.wait)


def _something_is_live(parts: Parts) -> bool:
    """Make the first generation; False while another process is about it."""
    try:
        building.ensure_live(parts)
    except RebuildRunning as busy:
        log.info("waiting for a first generation: %s", busy)
        return False
    return True


def retry_projection(settings: Settings, endpoints: Endpoints, numbers: Collection[int]) -> Retried:
    """Try parked events again."""
    with (
        read_model_parts(settings, endpoints) as parts,
        closing(wiring.dead_letters(endpoints)) as letters,
    ):
        return dead_letter.retry(parts, letters, numbers)


def retry_translation(
    settings: Settings, endpoints: Endpoints, numbers: Collection[int]
) -> Retried:
    """Try parked changes again."""
    with (
        engine_errors(),
        closing(wiring.registry(endpoints)) as registry,
        closing(wiring.dead_letters(endpoints)) as letters,
    ):
        return retranslate(
            endpoints.kafka, EventEncoder(registry), letters, numbers, group=TRANSLATE_GROUP
        )

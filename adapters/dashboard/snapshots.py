"""What the dashboard shows of the engines: a snapshot of each part of the chain.

Made once per process; its threads run between `start` and `stop`.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

from adapters.composition import chain
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.monitoring.chain_metrics import Chain
from adapters.monitoring.health import ChainStatus, Thresholds, judge, work_of
from adapters.monitoring.snapshots import RepeatedSnapshot

KEPT = 300
"""Points of history that the charts show."""


@dataclass(frozen=True, slots=True)
class Point:
    """Lag and rate of each stage (and read model) at one time."""

    at: float
    """Seconds since 1970."""
    lag: Mapping[str, int]
    arriving: Mapping[str, float]


class Snapshots:
    """All snapshots of one process."""

    def __init__(self, settings: Settings, endpoints: Endpoints) -> None:
        self._settings = settings
        self._endpoints = endpoints
        both = (settings, endpoints)
        self.history: deque[Point] = deque(maxlen=KEPT)
        self.chain = RepeatedSnapshot("chain", self._chain, seconds=3)
        self.topics = RepeatedSnapshot("topics", partial(chain.checked_topics, *both), seconds=10)
        self.sizes = RepeatedSnapshot(
            "sizes of topics", partial(chain.topic_sizes, *both), seconds=30
        )
        self.workers = RepeatedSnapshot("workers", partial(chain.worker_groups, *both), seconds=5)
        self.generations = RepeatedSnapshot(
            "generations", partial(chain.seen_generations, endpoints), seconds=1
        )
        self.parked = RepeatedSnapshot(
            "dead letters", partial(chain.parked_by_reason, endpoints), seconds=4
        )
        self.registrations = RepeatedSnapshot(
            "registrations", partial(chain.registrations, endpoints), seconds=10
        )
        self._all: tuple[RepeatedSnapshot[Any], ...] = (
            self.chain,
            self.topics,
            self.sizes,
            self.workers,
            self.generations,
            self.parked,
            self.registrations,
        )
        self._lock = Lock()
        self._started = False

    def start(self) -> None:
        """Begin to look, where that has not begun."""
        with self._lock:
            if self._started:
                return
            self._started = True
        for one in self._all:
            one.start()

    def stop(self) -> None:
        """Look no more."""
        for one in self._all:
            one.stop()

    def hurry(self) -> None:
        """Something was done: renew at once what it may have changed."""
        for one in (self.chain, self.generations, self.parked):
            one.hurry()

    def _chain(self) -> Chain:
        status = chain.chain_status(self._settings, self._endpoints)
        self.history.append(_point(status))
        return Chain(status, judge(status, Thresholds()))


def _point(status: ChainStatus) -> Point:
    lag: dict[str, int] = {}
    arriving: dict[str, float] = {}
    for topic in status.topics:
        work = work_of(topic.stage, topic.read_model)
        lag[work] = lag.get(work, 0) + topic.lag
        arriving[work] = arriving.get(work, 0.0) + topic.rate
    return Point(status.at.timestamp(), lag, arriving)

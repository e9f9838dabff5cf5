"""What the dashboard has in sight: snapshots of each part of the chain.

Made once a process; its threads run between `start` and `stop`.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from confluent_kafka import KafkaException

from adapters.composition import clients, databases
from adapters.composition.chain import chain_status
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.composition.topology import READ_MODELS, TRANSLATE_GROUP, project_group, topology
from adapters.event_log.connection import REQUEST_SECONDS, failed
from adapters.event_log.registry import Registration
from adapters.event_log.topics import TopicState, violations
from adapters.monitoring.chain_metrics import Chain
from adapters.monitoring.health import ChainStatus, Thresholds, judge, work_of
from adapters.monitoring.snapshots import RepeatedSnapshot
from domain.failures import Failure
from domain.schemas import contracts
from projections.ports.generations import Generation

KEPT = 300
"""Points of history that the charts show."""

_CHECKPOINTS = """
    SELECT c.topic, c.partition, c.position, c.moved_at FROM engine.checkpoint AS c
    JOIN engine.generation AS g ON g.read_model = c.read_model AND g.number = c.generation
    WHERE g.phase = 'live' AND c.read_model = %s
"""
_PARKED = """
    SELECT d.stage, d.read_model, d.topic, d.reason, count(*), min(d.parked_at)
    FROM engine.dead_letter AS d
    LEFT JOIN engine.generation AS g ON g.read_model = d.read_model AND g.number = d.generation
    WHERE d.stage = 'translate' OR g.phase = 'live'
    GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4 LIMIT 200
"""


@dataclass(frozen=True, slots=True)
class TopicSight:
    """A topic and what is wrong with it."""

    name: str
    state: TopicState | None
    """None where it doesn't exist."""
    violations: Sequence[str]


@dataclass(frozen=True, slots=True)
class Member:
    """A worker process, as the brokers know it."""

    client: str
    host: str
    partitions: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a stage is in a partition."""

    position: int
    moved_at: datetime | None
    """None where nobody keeps the time (translation)."""


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers of one stage (and read model), and where they stand in each partition."""

    stage: str
    group: str
    state: str
    members: Sequence[Member]
    checkpoints: Mapping[tuple[str, int], Checkpoint]


@dataclass(frozen=True, slots=True)
class Parked:
    """Dead letters of one reason."""

    stage: str
    read_model: str
    topic: str
    reason: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Point:
    """Lag and rate of each stage (and read model) at one moment."""

    at: float
    lag: Mapping[str, int]
    seconds: Mapping[str, float]
    arriving: Mapping[str, float]


class Sight:
    """All snapshots of one process."""

    def __init__(self, settings: Settings, endpoints: Endpoints) -> None:
        self._settings = settings
        self._endpoints = endpoints
        self.history: deque[Point] = deque(maxlen=KEPT)
        self.chain = RepeatedSnapshot("chain", self._chain, seconds=3)
        self.topics = RepeatedSnapshot("topics", self._topics, seconds=10)
        self.sizes = RepeatedSnapshot("sizes of topics", self._sizes, seconds=30)
        self.workers = RepeatedSnapshot("workers", self._workers, seconds=5)
        self.generations = RepeatedSnapshot("generations", self._generations, seconds=1)
        self.parked = RepeatedSnapshot("dead letters", self._parked, seconds=4)
        self.schemas = RepeatedSnapshot("schemas", self._schemas, seconds=60)
        self._all: tuple[RepeatedSnapshot[Any], ...] = (
            self.chain,
            self.topics,
            self.sizes,
            self.workers,
            self.generations,
            self.parked,
            self.schemas,
        )

    def start(self) -> None:
        """Begin to look."""
        for one in self._all:
            one.start()

    def stop(self) -> None:
        """Look no more."""
        for one in self._all:
            one.stop()

    def hurry(self) -> None:
        """Something was done: look again at what it may have changed."""
        for one in (self.chain, self.generations, self.parked):
            one.hurry()

    def _chain(self) -> Chain:
        status = chain_status(self._settings, self._endpoints)
        self.history.append(_point(status))
        return Chain(status, judge(status, Thresholds()))

    def _topics(self) -> list[TopicSight]:
        plans = topology(self._settings).all_topics
        states = clients.topics(self._endpoints).states([plan.name for plan in plans])
        return [
            TopicSight(plan.name, states.get(plan.name), violations(states.get(plan.name), plan))
            for plan in plans
        ]

    def _sizes(self) -> dict[str, int]:
        names = {plan.name for plan in topology(self._settings).all_topics}
        return clients.topic_bytes(self._endpoints, names)

    def _workers(self) -> list[Workers]:
        plan = topology(self._settings)
        groups = {
            TRANSLATE_GROUP: "translate",
            **{project_group(model): work_of("project", model.name) for model in READ_MODELS},
        }
        found = self._members(list(groups))
        changes = clients.topics(self._endpoints).states([t.name for t in plan.change_topics])
        with closing(clients.positions(self._endpoints)) as positions:
            committed = positions.committed(TRANSLATE_GROUP, changes)
        checkpoints = {
            TRANSLATE_GROUP: {at: Checkpoint(offset, None) for at, offset in committed.items()},
            **{project_group(model): self._checkpoints(model.name) for model in READ_MODELS},
        }
        return [
            Workers(stage, group, *found[group], checkpoints[group])
            for group, stage in groups.items()
        ]

    def _members(self, groups: list[str]) -> dict[str, tuple[str, list[Member]]]:
        admin = clients.admin(self._endpoints, "dashboard")
        answers = admin.describe_consumer_groups(groups, request_timeout=REQUEST_SECONDS)
        found: dict[str, tuple[str, list[Member]]] = {}
        for group, answer in answers.items():
            try:
                described = answer.result()
            except KafkaException as error:
                if error.args[0].name() != "GROUP_ID_NOT_FOUND":
                    raise failed(f"members of group {group}", error) from error
                found[group] = ("absent", [])
                continue
            members = [
                Member(
                    member.client_id,
                    member.host.removeprefix("/"),
                    sorted((tp.topic, tp.partition) for tp in member.assignment.topic_partitions),
                )
                for member in described.members
            ]
            found[group] = (described.state.name.lower(), members)
        return found

    def _checkpoints(self, model: str) -> dict[tuple[str, int], Checkpoint]:
        rows = ask(self._endpoints.read_dsn, _CHECKPOINTS, (model,))
        return {
            (topic, partition): Checkpoint(position, moved)
            for topic, partition, position, moved in rows
        }

    def _generations(self) -> dict[str, list[Generation]]:
        return {
            model.name: databases.generations(self._endpoints, model).all() for model in READ_MODELS
        }

    def _parked(self) -> list[Parked]:
        return [Parked(*row) for row in ask(self._endpoints.read_dsn, _PARKED)]

    def _schemas(self) -> list[Registration]:
        with closing(clients.registry(self._endpoints)) as registry:
            return [registry.registration(contract) for contract in contracts()]


def ask(
    dsn: str, sql: str, values: Sequence[object] | Mapping[str, object] = ()
) -> list[tuple[Any, ...]]:
    """All rows of a statement that only reads. Raises Failure."""
    try:
        with databases.read_connection(dsn, "dashboard", databases.READ_ONLY) as connection:
            return connection.execute(sql.encode(), values).fetchall()
    except psycopg.Error as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Failure(f"the read database can't be asked: {reason}") from None


def _point(status: ChainStatus) -> Point:
    works = {work_of(topic.stage, topic.read_model) for topic in status.topics}
    of = {
        work: [t for t in status.topics if work_of(t.stage, t.read_model) == work]
        for work in sorted(works)
    }
    return Point(
        status.at.timestamp(),
        {work: sum(t.lag for t in topics) for work, topics in of.items()},
        {work: max((t.lag_seconds for t in topics), default=0.0) for work, topics in of.items()},
        {work: sum(t.rate for t in topics) for work, topics in of.items()},
    )

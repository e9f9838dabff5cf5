"""The chain as a picture, from the master to the read models, and its last minutes as charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from adapters.composition.topology import READ_MODELS
from adapters.dashboard.access import Visitor
from adapters.dashboard.board import Board
from adapters.dashboard.rendering import render
from adapters.monitoring.health import ChainStatus, TopicStatus, work_of

WORKS = (("translate", ""), *(("project", model.name) for model in READ_MODELS))
"""Each stage, and the read model that it is done for."""
_BUSIEST = 3
"""Topics that are named where a stage has work to do."""


@dataclass(frozen=True, slots=True)
class Work:
    """How a stage gets on, at the stage project with one read model."""

    members: int
    lag: int
    seconds: float
    """Age of the oldest record to go."""
    parked: int
    busiest: Sequence[TopicStatus]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What lies in the topics before a stage."""

    topics: int
    records: int
    rate: float
    """Records per second that arrive."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A stage and the topics before it. None: unknown."""

    stage: str
    traffic: Traffic | None
    works: Sequence[tuple[str, Work | None]]
    """Read model (empty at the stage translate), and how that gets on."""


async def flow(board: Board, request: Request, who: Visitor) -> Response:
    """The chain with rates, lag and age at each hop."""
    found = board.snapshots.chain.newest().value
    return render(
        board,
        request,
        "flow.html",
        title="Flow",
        who=who,
        every=3,
        hops=hops(found.status if found else None),
        jobs=board.jobs.recent()[:3],
    )


async def history(board: Board, request: Request, who: Visitor) -> Response:
    """What the charts show, column by column as uPlot wants it; a gap up to now where the chain
    can't be looked at."""
    is_known = board.snapshots.chain.newest().value is not None
    points = list(board.snapshots.history)
    works = [work_of(*work) for work in WORKS]
    gap = [] if is_known or not points else [None]
    return JSONResponse(
        {
            "at": [*(p.at for p in points), *(datetime.now(UTC).timestamp() for _ in gap)],
            "lag": [[*(p.lag.get(work, 0) for p in points), *gap] for work in works],
            "arriving": [[*(p.arriving.get(work, 0) for p in points), *gap] for work in works],
            "stages": works,
        }
    )


def hops(status: ChainStatus | None) -> list[Hop]:
    """Each hop of the chain as the picture shows it, from the master to the readers."""
    return [
        Hop(
            stage,
            None if status is None else _traffic(status, stage),
            [
                (model, None if status is None else _work(status, stage, model))
                for of_stage, model in WORKS
                if of_stage == stage
            ],
        )
        for stage in dict.fromkeys(stage for stage, _ in WORKS)
    ]


def _traffic(status: ChainStatus, stage: str) -> Traffic:
    # A topic that several read models read is still one topic.
    topics = {topic.topic: topic for topic in status.topics if topic.stage == stage}
    return Traffic(
        len(topics),
        sum(topic.end - topic.first for topic in topics.values()),
        sum(topic.rate for topic in topics.values()),
    )


def _work(status: ChainStatus, stage: str, read_model: str) -> Work:
    at = (stage, read_model)
    of = [topic for topic in status.topics if (topic.stage, topic.read_model) == at]
    busy = sorted((topic for topic in of if topic.lag), key=lambda topic: -topic.lag)
    return Work(
        members=sum(g.members for g in status.groups if (g.stage, g.read_model) == at),
        lag=sum(topic.lag for topic in of),
        seconds=max((topic.lag_seconds for topic in of), default=0.0),
        parked=sum(d.count for d in status.dead_letters if (d.stage, d.read_model) == at),
        busiest=busy[:_BUSIEST],
    )

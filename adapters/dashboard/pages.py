"""What each page shows of the chain; each gets the dashboard, the request and who asks."""

from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from adapters.composition import clients, databases
from adapters.composition.topology import READ_MODELS
from adapters.dashboard import catalog_pages, letters
from adapters.dashboard.access import Refused, Visitor, whole_number
from adapters.dashboard.letters import Filter
from adapters.dashboard.records import described, latest
from adapters.dashboard.rendering import Dashboard, render
from adapters.dashboard.sight import TopicSight
from adapters.event_log.avro.objects import RecordReader
from adapters.event_log.registry import RegistryFailed
from adapters.monitoring.chain_metrics import Chain
from adapters.monitoring.health import work_of
from projections.ports.dead_letters import NoDeadLetter
from projections.ports.generations import Phase

View = Callable[[Dashboard, Request, Visitor], Awaitable[Response]]

_WORKS = (("translate", ""), *(("project", model.name) for model in READ_MODELS))
"""Each stage, and what it is done for."""


async def flow(board: Dashboard, request: Request, who: Visitor) -> Response:
    """The chain as a picture, with rates, lag and age at each hop."""
    found = board.sight.chain.newest().value
    return render(
        board,
        request,
        "flow.html",
        title="Flow",
        who=who,
        every=3,
        hops=_hops(found) if found else None,
        jobs=board.jobs.recent()[:3],
    )


async def history(board: Dashboard, request: Request, who: Visitor) -> Response:
    """What the charts show, column by column as uPlot wants it."""
    board.sight.chain.newest()
    points = list(board.sight.history)
    stages = [work_of(*work) for work in _WORKS]
    return JSONResponse(
        {
            "at": [point.at for point in points],
            "lag": [[point.lag.get(stage, 0) for point in points] for stage in stages],
            "arriving": [[point.arriving.get(stage, 0) for point in points] for stage in stages],
            "stages": stages,
        }
    )


async def topics(board: Dashboard, request: Request, who: Visitor) -> Response:
    """All topics."""
    taken = board.sight.topics.newest()
    return render(
        board,
        request,
        "topics.html",
        title="Topics",
        who=who,
        every=5,
        taken=taken,
        sizes=board.sight.sizes.newest(),
    )


async def topic(board: Dashboard, request: Request, who: Visitor) -> Response:
    """One topic: partitions, configuration, its newest records."""
    name = request.path_params["name"]
    taken = board.sight.topics.newest()
    workers = board.sight.workers.newest()
    readers = [
        group
        for group in workers.value or ()
        if any(topic == name for topic, _ in group.checkpoints)
    ]
    return render(
        board,
        request,
        "topic.html",
        title=name,
        who=who,
        every=5,
        taken=taken,
        topic=_named(taken.value, name),
        name=name,
        sizes=board.sight.sizes.newest(),
        readers=readers,
        key=request.query_params.get("key", ""),
    )


async def records(board: Dashboard, request: Request, who: Visitor) -> Response:
    """The newest records of a topic: a part of its page that comes when it is read."""
    name = request.path_params["name"]
    key = request.query_params.get("key", "").strip() or None
    known = {one.name for one in board.sight.topics.newest().value or ()}
    if name not in known:
        raise Refused("there is no such topic", 404)
    found = await run_in_threadpool(latest, board.endpoints, name, key=key)
    return render(
        board, request, "records.html", title=f"Records of {name}", who=who, found=found, key=key
    )


async def workers(board: Dashboard, request: Request, who: Visitor) -> Response:
    """Worker processes and the partitions that each has."""
    taken, chain = board.sight.workers.newest(), board.sight.topics.newest().value
    ends = {
        (one.name, number): bounds.end
        for one in chain or ()
        if one.state is not None
        for number, bounds in one.state.partitions.items()
    }
    return render(
        board, request, "workers.html", title="Workers", who=who, every=5, taken=taken, ends=ends
    )


async def generations(board: Dashboard, request: Request, who: Visitor) -> Response:
    """Generations, their progress and what can be done with them."""
    taken = board.sight.generations.newest()
    return render(
        board,
        request,
        "generations.html",
        title="Generations",
        who=who,
        every=1,
        taken=taken,
        jobs=board.jobs.recent("generations"),
        unfinished=(Phase.CREATING, Phase.FILLING, Phase.CATCHING_UP),
        phase=Phase,
        models=[model.name for model in READ_MODELS],
    )


async def dead_letters(board: Dashboard, request: Request, who: Visitor) -> Response:
    """Parked records by reason and key, a page at a time."""
    chosen = Filter.of(request.query_params)
    after = whole_number(request.query_params.get("after"))
    found = await run_in_threadpool(letters.page, board.endpoints.read_dsn, chosen, after)
    return render(
        board,
        request,
        "dead_letters.html",
        title="Dead letters",
        who=who,
        every=4,
        taken=board.sight.parked.newest(),
        chosen=chosen,
        after=after,
        lines=found[: letters.PAGE],
        more=len(found) > letters.PAGE,
        models=[model.name for model in READ_MODELS],
        jobs=board.jobs.recent("dead letters"),
    )


async def dead_letter(board: Dashboard, request: Request, who: Visitor) -> Response:
    """One parked record, its bytes decoded as far as possible."""
    number = whole_number(request.path_params["number"])

    def find() -> tuple[Any, str, str]:
        with closing(databases.dead_letters(board.endpoints)) as kept:
            try:
                letter = kept.show(number)
            except NoDeadLetter as none:
                raise Refused(str(none), 404) from none
        with closing(clients.registry(board.endpoints)) as registry:
            try:
                return letter, *described(RecordReader(registry), letter.value)
            except RegistryFailed as error:
                return letter, "not decoded", str(error)

    letter, kind, text = await run_in_threadpool(find)
    return render(
        board,
        request,
        "dead_letter.html",
        title=f"Dead letter {number}",
        who=who,
        letter=letter,
        kind=kind,
        text=text,
        key=None if letter.key is None else letter.key.decode("utf-8", "backslashreplace"),
        jobs=board.jobs.recent("dead letters"),
    )


def sign_in(board: Dashboard, request: Request, problem: str = "") -> Response:
    """Where a key is given."""
    return render(
        board,
        request,
        "sign_in.html",
        title="Sign in",
        status=401 if problem else 200,
        problem=problem,
    )


PAGES: dict[str, View] = {
    "/": flow,
    "/history.json": history,
    "/topics": topics,
    "/topics/{name}": topic,
    "/topics/{name}/records": records,
    "/workers": workers,
    "/generations": generations,
    "/dead-letters": dead_letters,
    "/dead-letters/{number:int}": dead_letter,
    "/schemas": catalog_pages.schemas,
    "/schemas/{name}": catalog_pages.schema,
    "/conflicts": catalog_pages.conflicts,
    "/lookup": catalog_pages.lookup,
}


def _hops(found: Chain) -> list[dict[str, Any]]:
    """Each hop of the chain as the picture shows it, from the master to the readers."""
    hops: list[dict[str, Any]] = []
    for stage in dict.fromkeys(stage for stage, _ in _WORKS):
        # A topic that several read models read is still one topic.
        topics = {topic.topic: topic for topic in found.status.topics if topic.stage == stage}
        hops.append(
            {
                "stage": stage,
                "topics": len(topics),
                "records": sum(topic.end - topic.first for topic in topics.values()),
                "rate": sum(topic.rate for topic in topics.values()),
                "works": [_work(found, *work) for work in _WORKS if work[0] == stage],
            }
        )
    return hops


def _work(found: Chain, stage: str, read_model: str) -> dict[str, Any]:
    """How a stage gets on, at the stage project with one read model."""
    status, at = found.status, (stage, read_model)
    of = [topic for topic in status.topics if (topic.stage, topic.read_model) == at]
    return {
        "read_model": read_model,
        "lag": sum(topic.lag for topic in of),
        "seconds": max((topic.lag_seconds for topic in of), default=0.0),
        "members": sum(g.members for g in status.groups if (g.stage, g.read_model) == at),
        "parked": sum(d.count for d in status.dead_letters if (d.stage, d.read_model) == at),
        "busiest": sorted((asdict(topic) for topic in of if topic.lag), key=lambda t: -t["lag"])[
            :3
        ],
    }


def _named(found: list[TopicSight] | None, name: str) -> TopicSight | None:
    if found is None:
        return None
    for one in found:
        if one.name == name:
            return one
    raise Refused("there is no such topic", 404)

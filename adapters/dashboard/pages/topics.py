"""The topics, and one of them with its newest records."""

from contextlib import closing

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from adapters.composition import clients
from adapters.composition.topology import topology
from adapters.dashboard.access import RequestRefused, Visitor
from adapters.dashboard.board import Board
from adapters.dashboard.records import Shown, shown
from adapters.dashboard.rendering import render
from adapters.event_log.avro.objects import RecordReader
from adapters.event_log.newest import Newest


async def topics(board: Board, request: Request, who: Visitor) -> Response:
    """All topics."""
    return render(
        board,
        request,
        "topics.html",
        title="Topics",
        who=who,
        every=5,
        taken=board.snapshots.topics.newest(),
        sizes=board.snapshots.sizes.newest(),
    )


async def topic(board: Board, request: Request, who: Visitor) -> Response:
    """One topic: partitions, configuration, its newest records."""
    name = _known_name(board, request)
    taken = board.snapshots.topics.newest()
    workers = board.snapshots.workers.newest()
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
        topic=next((one for one in taken.value or () if one.name == name), None),
        name=name,
        sizes=board.snapshots.sizes.newest(),
        readers=readers,
        workers=workers,
        key=request.query_params.get("key", ""),
    )


async def records(board: Board, request: Request, who: Visitor) -> Response:
    """The newest records of a topic: a part of its page that comes when it is read."""
    name = _known_name(board, request)
    key = request.query_params.get("key", "").strip() or None

    def find() -> tuple[Newest, list[Shown]]:
        found = clients.newest_records(board.endpoints, name, key)
        with closing(clients.registry(board.endpoints)) as registry:
            reader = RecordReader(registry)
            return found, [shown(reader, record) for record in found.records]

    found, lines = await run_in_threadpool(find)
    return render(
        board,
        request,
        "records.html",
        title=f"Records of {name}",
        who=who,
        found=found,
        lines=lines,
        key=key,
    )


def _known_name(board: Board, request: Request) -> str:
    name = str(request.path_params["name"])
    if name not in (plan.name for plan in topology(board.settings).all_topics):
        raise RequestRefused(f"There is no topic {name}.", 404)
    return name

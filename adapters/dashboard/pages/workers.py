"""The worker processes and the partitions that each has."""

from starlette.requests import Request
from starlette.responses import Response

from adapters.dashboard.access import Visitor
from adapters.dashboard.board import Board
from adapters.dashboard.rendering import render
from adapters.monitoring.topics import CheckedTopic


async def workers(board: Board, request: Request, who: Visitor) -> Response:
    """Each group with its members, their positions and what they have to go."""
    topics = board.snapshots.topics.newest().value
    return render(
        board,
        request,
        "workers.html",
        title="Workers",
        who=who,
        every=5,
        taken=board.snapshots.workers.newest(),
        ends=None if topics is None else _ends(topics),
    )


def _ends(topics: list[CheckedTopic]) -> dict[tuple[str, int], int]:
    return {
        (one.name, number): bounds.end
        for one in topics
        if one.state is not None
        for number, bounds in one.state.partitions.items()
    }

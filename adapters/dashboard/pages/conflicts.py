"""Numbers whose owners contradict each other, a page at a time."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from adapters.composition.databases import read_queries
from adapters.dashboard.access import RequestRefused, Visitor
from adapters.dashboard.board import Board
from adapters.dashboard.rendering import render
from adapters.read_database.querying import SETTINGS
from projections.catalog.queries.conflicts import SCHEMES, ConflictPage, conflict_page

PAGE = 50


async def conflicts(board: Board, request: Request, who: Visitor) -> Response:
    """Each with its owners and what they differ in."""
    scheme = request.query_params.get("scheme", "isrc")
    if scheme not in SCHEMES:
        raise RequestRefused(f"Conflicts are known of {', '.join(SCHEMES)}.", 404)
    after = request.query_params.get("after", "").replace("\0", "")

    def find() -> ConflictPage:
        with read_queries(board.endpoints, "dashboard", SETTINGS) as queries:
            return conflict_page(queries.rows, scheme, after, PAGE)

    found = await run_in_threadpool(find)
    return render(
        board,
        request,
        "conflicts.html",
        title="Identifier conflicts",
        who=who,
        scheme=scheme,
        schemes=SCHEMES,
        found=found.found,
        after=after,
        next_after=found.after,
    )

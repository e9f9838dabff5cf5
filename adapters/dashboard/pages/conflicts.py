"""Numbers whose owners contradict each other, a page at a time."""

import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from adapters.dashboard.access import RequestRefused, Visitor
from adapters.dashboard.board import Board
from adapters.dashboard.rendering import render
from projections.catalog.queries.lists import CONFLICTS

SCHEMES = ("isrc", "gtin")
PAGE = 50


async def conflicts(board: Board, request: Request, who: Visitor) -> Response:
    """Each with its owners and what they differ in."""
    scheme = request.query_params.get("scheme", "isrc")
    if scheme not in SCHEMES:
        raise RequestRefused(f"Conflicts are known of {', '.join(SCHEMES)}.", 404)
    after = request.query_params.get("after", "").replace("\0", "")

    def find() -> list[dict[str, Any]]:
        asked = {"scheme": scheme, "after": after, "limit": PAGE}
        with board.reading() as connection:
            rows = connection.execute(CONFLICTS, asked).fetchall()
        return [json.loads(body) for _, body, *_ in rows if body is not None]

    found = await run_in_threadpool(find)
    return render(
        board,
        request,
        "conflicts.html",
        title="Identifier conflicts",
        who=who,
        scheme=scheme,
        schemes=SCHEMES,
        found=found,
        after=after,
        more=len(found) == PAGE,
    )

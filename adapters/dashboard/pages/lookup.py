"""An identifier, and all that it stands on."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from adapters.composition.databases import identifiers
from adapters.dashboard.access import RequestRefused, Visitor
from adapters.dashboard.board import Board
from adapters.dashboard.rendering import render
from domain.identifiers import SCHEMES, UnknownScheme
from projections.catalog.queries.owners import look_up


async def lookup(board: Board, request: Request, who: Visitor) -> Response:
    """The form, and the answer where something is asked."""
    scheme = request.query_params.get("scheme", "gtin")
    value = request.query_params.get("value", "").strip()

    def find() -> dict[str, Any]:
        with identifiers(board.endpoints.read_dsn) as index:
            return look_up(index, scheme, value).as_json()

    try:
        answer = await run_in_threadpool(find) if value else None
    except UnknownScheme as error:
        raise RequestRefused(str(error), 404) from None
    return render(
        board,
        request,
        "lookup.html",
        title="Lookup",
        who=who,
        schemes=SCHEMES,
        scheme=scheme,
        value=value,
        answer=answer,
    )

"""An identifier, and all that it stands on."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from adapters.composition.databases import read_queries
from adapters.dashboard.access import RequestRefused, Visitor
from adapters.dashboard.board import Board
from adapters.dashboard.rendering import render
from adapters.read_database.querying import SETTINGS
from domain.identifiers import SCHEMES, UnknownScheme
from projections.catalog.queries.lookup import LookupAnswer, asked, look_up, named


async def lookup(board: Board, request: Request, who: Visitor) -> Response:
    """The form, and the answer where something is asked."""
    scheme = request.query_params.get("scheme", "gtin")
    value = request.query_params.get("value", "").strip()

    def find() -> LookupAnswer:
        number = asked(scheme, value)
        with read_queries(board.endpoints, "dashboard", SETTINGS) as queries:
            return look_up(queries.rows, [number])[0]

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
        named=named,
    )

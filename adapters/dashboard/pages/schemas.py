"""The events' contracts: what the registry holds of them, and how their versions differ."""

import difflib

from starlette.requests import Request
from starlette.responses import Response

from adapters.dashboard.access import RequestRefused, Visitor, whole_number
from adapters.dashboard.board import Board
from adapters.dashboard.rendering import render
from domain.schemas import contracts
from domain.schemas import render as as_text


async def schemas(board: Board, request: Request, who: Visitor) -> Response:
    """The contracts and what the registry holds of them."""
    return render(
        board,
        request,
        "schemas.html",
        title="Schemas",
        who=who,
        every=15,
        taken=board.snapshots.registrations.newest(),
        contracts=contracts(),
    )


async def schema(board: Board, request: Request, who: Visitor) -> Response:
    """One contract: its versions, and how two of them differ."""
    name = request.path_params["name"]
    contract = next((one for one in contracts() if one.name == name), None)
    if contract is None:
        raise RequestRefused("There is no such contract.", 404)
    texts = {version.number: as_text(version.schema) for version in contract.versions}
    to = whole_number(request.query_params.get("to")) or max(texts)
    of = whole_number(request.query_params.get("from")) or max(1, to - 1)
    if to not in texts or of not in texts:
        raise RequestRefused("There is no such version.", 404)
    before, after = texts[of].splitlines(), texts[to].splitlines()
    difference = difflib.unified_diff(before, after, f"v{of}", f"v{to}", lineterm="", n=3)
    return render(
        board,
        request,
        "schema.html",
        title=name,
        who=who,
        contract=contract,
        texts=texts,
        shown=to,
        compared=of,
        difference=list(difference),
    )

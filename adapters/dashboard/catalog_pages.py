"""Pages about what the catalog holds: contracts, conflicts, and what a number stands on."""

import difflib
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from adapters.composition.databases import identifiers
from adapters.dashboard import conflicts as disputed
from adapters.dashboard.access import Refused, Visitor, whole_number
from adapters.dashboard.rendering import Dashboard, render
from domain.identifiers import SCHEMES, UnknownScheme
from domain.schemas import contracts
from domain.schemas import render as as_text
from projections.catalog.queries.owners import look_up


async def schemas(board: Dashboard, request: Request, who: Visitor) -> Response:
    """The contracts and what the registry holds of them."""
    taken = board.sight.schemas.newest()
    return render(
        board,
        request,
        "schemas.html",
        title="Schemas",
        who=who,
        every=15,
        taken=taken,
        contracts=contracts(),
    )


async def schema(board: Dashboard, request: Request, who: Visitor) -> Response:
    """One contract: its versions, and how two of them differ."""
    name = request.path_params["name"]
    contract = next((one for one in contracts() if one.name == name), None)
    if contract is None:
        raise Refused("there is no such contract", 404)
    texts = {version.number: as_text(version.schema) for version in contract.versions}
    newest = max(texts)
    to = whole_number(request.query_params.get("to")) or newest
    of = whole_number(request.query_params.get("from")) or max(1, to - 1)
    if to not in texts or of not in texts:
        raise Refused("there is no such version", 404)
    difference = list(
        difflib.unified_diff(
            texts[of].splitlines(), texts[to].splitlines(), f"v{of}", f"v{to}", lineterm="", n=3
        )
    )
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
        difference=difference,
    )


async def conflicts(board: Dashboard, request: Request, who: Visitor) -> Response:
    """Numbers whose owners contradict each other."""
    scheme = request.query_params.get("scheme", "isrc")
    if scheme not in disputed.SCHEMES:
        raise Refused(f"conflicts are known of {', '.join(disputed.SCHEMES)}", 404)
    after = request.query_params.get("after", "")
    found = await run_in_threadpool(disputed.page, board.endpoints.read_dsn, scheme, after)
    return render(
        board,
        request,
        "conflicts.html",
        title="Identifier conflicts",
        who=who,
        scheme=scheme,
        schemes=disputed.SCHEMES,
        found=found,
        after=after,
        more=len(found) == disputed.PAGE,
    )


async def lookup(board: Dashboard, request: Request, who: Visitor) -> Response:
    """A number, and all that it stands on."""
    scheme = request.query_params.get("scheme", "gtin")
    value = request.query_params.get("value", "").strip()
    answer: dict[str, Any] | None = None
    if value:

        def find() -> dict[str, Any]:
            with identifiers(board.endpoints.read_dsn) as index:
                return look_up(index, scheme, value).as_json()

        try:
            answer = await run_in_threadpool(find)
        except UnknownScheme as error:
            raise Refused(str(error), 404) from None
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

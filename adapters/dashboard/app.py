"""The dashboard as an ASGI application: its routes, and what becomes of failures.

It runs alone (`catalog dashboard`) or behind the catalog API, which hands over what it does not
know. It starts looking at the engines with its first request, so a server needn't tell it to.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from adapters.api.admission import Admission
from adapters.api.problems import Problem
from adapters.composition.databases import query_pool, read_access
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.dashboard import actions, pages, probes, signing_in
from adapters.dashboard.access import AccessRules, RequestRefused, visitor
from adapters.dashboard.board import Board, View
from adapters.dashboard.jobs import Busy, Jobs
from adapters.dashboard.protection import OwnNames, ProtectiveHeaders
from adapters.dashboard.rendering import local, render
from adapters.dashboard.snapshots import Snapshots
from domain.failures import Failure, Refused, Unavailable

STATIC = Path(__file__).parent / "static"


def over_read_database(
    settings: Settings,
    endpoints: Endpoints,
    *,
    is_open: bool,
    hosts: Collection[str] | None,
    is_metrics_open: bool,
    registry: CollectorRegistry | None = None,
) -> ASGIApp:
    """The dashboard, with the API keys of the read database; nothing is opened yet.

    `is_open`: who brings no key may look; to act always needs a key with `operate`. `hosts`: names
    by which alone it may be asked (see `adapters.api.application.Api`); None: by any.
    `is_metrics_open`: its /metrics needs no key; otherwise one with `read`. `registry`:
    what its /metrics tells beside the chain's; by default its own process.
    """
    database = query_pool(read_access(endpoints), 2)
    admission = Admission(database, is_open=is_open)

    async def admit(key: str, scope: str, address: str) -> bool:
        try:
            return await admission.has(key, scope, address)
        except Problem as problem:
            raise Unavailable(f"API keys can't be judged now: {problem}") from None

    access = AccessRules(admit, is_open, is_metrics_open, hosts)
    return dashboard_app(settings, endpoints, access, stopped=database.close, registry=registry)


def dashboard_app(
    settings: Settings,
    endpoints: Endpoints,
    access: AccessRules,
    *,
    stopped: Callable[[], Awaitable[None]] | None = None,
    registry: CollectorRegistry | None = None,
) -> ASGIApp:
    """The dashboard of the chain at `endpoints`; `stopped` is called when it ends. `registry`: see
    `over_read_database`."""
    snapshots = Snapshots(settings, endpoints)
    jobs = Jobs(done=snapshots.hurry)
    board = Board(settings, endpoints, snapshots, jobs, access)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        snapshots.stop()
        if stopped is not None:
            await stopped()

    metrics = probes.metrics(snapshots, registry, None if access.is_metrics_open else access.admit)
    routes = [
        *(Route(path, _page(board, view)) for path, view in pages.PAGES.items()),
        *(Route(p, _page(board, v), methods=["POST"]) for p, v in actions.ACTIONS.items()),
        *signing_in.routes(board),
        Route("/metrics", metrics),
        Route("/health/live", probes.live),
        Route("/health/ready", probes.live),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(ProtectiveHeaders), Middleware(OwnNames, access.hosts)],
        exception_handlers={404: _not_found(board), 500: _fault, Failure: _failed(board)},
        lifespan=lifespan,
    )


def _page(board: Board, view: View) -> Callable[[Request], Awaitable[Response]]:
    """A view for who may look; others are sent to sign in."""

    async def endpoint(request: Request) -> Response:
        board.snapshots.start()
        who = await visitor(request, board.access)
        if who.may_read:
            return await view(board, request, who)
        if request.url.path.endswith(".json"):
            return JSONResponse({"error": "sign in"}, 401)
        return RedirectResponse(local(request, "/sign-in"), 303)

    return endpoint


def _problem(board: Board, request: Request, text: str, status: int) -> Response:
    return render(board, request, "problem.html", status=status, title="Not done", problem=text)


def _failed(board: Board) -> Callable[[Request, Exception], Response]:
    """What is shown where a page or an action fails: refused by us, or for want of an engine."""

    def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, RequestRefused):
            status = error.status
        elif isinstance(error, Busy):
            status = 409
        else:
            status = 400 if isinstance(error, Refused) else 503
        return _problem(board, request, str(error), status)

    return answer


def _not_found(board: Board) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, _: Exception) -> Response:
        return _problem(board, request, "There is no such page.", 404)

    return answer


def _fault(_: Request, __: Exception) -> Response:
    return Response("Something is wrong here; the log says what.\n", 500, media_type="text/plain")

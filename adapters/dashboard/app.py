"""The dashboard as an ASGI application: routes, headers, and what its pages need.

It runs alone (`catalog dashboard`) or behind the catalog API, which hands over what it does not
know. It starts looking at the engines with its first request, so a server needn't tell it to.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, ProcessCollector
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.api.admission import Admission
from adapters.api.database import ReadDatabase
from adapters.api.metrics import exposition
from adapters.api.problems import Problem
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.dashboard import actions, pages
from adapters.dashboard.access import (
    Admit,
    Refused,
    address_of,
    forget,
    form_of,
    from_us,
    holder,
    remember,
    visitor,
)
from adapters.dashboard.jobs import Jobs
from adapters.dashboard.rendering import Dashboard, render
from adapters.dashboard.sight import Sight
from adapters.monitoring.chain_metrics import ChainMetrics
from domain.failures import Failure

STATIC = Path(__file__).parent / "static"

_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}


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
    database = ReadDatabase(endpoints.read_dsn, 2)
    admission = Admission(database, is_open=is_open)

    async def admit(key: str, scope: str, address: str) -> bool:
        try:
            return await admission.has(key, scope, address)
        except Problem as problem:
            raise Failure(f"API keys can't be judged now: {problem}") from None

    return dashboard_app(
        settings,
        endpoints,
        admit,
        is_open=is_open,
        hosts=hosts,
        is_metrics_open=is_metrics_open,
        stopped=database.close,
        registry=registry,
    )


def dashboard_app(
    settings: Settings,
    endpoints: Endpoints,
    admit: Admit,
    *,
    is_open: bool,
    hosts: Collection[str] | None = None,
    is_metrics_open: bool = True,
    stopped: Callable[[], Awaitable[None]] | None = None,
    registry: CollectorRegistry | None = None,
) -> ASGIApp:
    """The dashboard of the chain at `endpoints`; `admit` judges API keys."""
    sight = Sight(settings, endpoints)
    board = Dashboard(settings, endpoints, sight, Jobs(done=sight.hurry), admit, is_open=is_open)
    started = _Once(sight.start)

    def page(view: Callable[..., Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            started()
            try:
                who = await visitor(request, admit, is_open=is_open)
                if not who.may_read:
                    return _to_sign_in(request)
                return await view(board, request, who)
            except Refused as refused:
                return _problem(board, request, str(refused), refused.status)
            except Failure as error:
                return _problem(board, request, str(error), 503)

        return endpoint

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        sight.stop()
        if stopped is not None:
            await stopped()

    async def sign_in(request: Request) -> Response:
        try:
            key = (await form_of(request)).get("key", "").strip()
            who = await holder(key, admit, address_of(request), is_open=False)
        except Refused as refused:
            return _problem(board, request, str(refused), refused.status)
        except Failure as error:
            return _problem(board, request, str(error), 503)
        if not who.may_read:
            return pages.sign_in(board, request, "This key is unknown or revoked.")
        response = RedirectResponse(f"{request.scope.get('root_path', '')}/", 303)
        remember(response, request, key)
        return response

    async def sign_out(request: Request) -> Response:
        try:
            from_us(request)
        except Refused as refused:
            return _problem(board, request, str(refused), refused.status)
        response = RedirectResponse(f"{request.scope.get('root_path', '')}/", 303)
        forget(response)
        return response

    async def sign_in_page(request: Request) -> Response:
        return pages.sign_in(board, request)

    routes = [
        *(Route(path, page(view)) for path, view in pages.PAGES.items()),
        *(Route(path, page(action), methods=["POST"]) for path, action in actions.ACTIONS.items()),
        Route("/sign-in", sign_in_page),
        Route("/sign-in", sign_in, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
        Route("/metrics", _metrics(sight, started, registry, None if is_metrics_open else admit)),
        Route("/health/live", _well),
        Route("/health/ready", _well),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(_Headers), Middleware(_Hosts, hosts)],
        exception_handlers={404: _not_found(board), 500: _failed},
        lifespan=lifespan,
    )


@dataclass
class _Once:
    """Calls `what` the first time that it is called itself."""

    what: Callable[[], None]

    def __post_init__(self) -> None:
        self._lock = Lock()
        self._done = False

    def __call__(self) -> None:
        with self._lock:
            if not self._done:
                self._done = True
                self.what()


def _metrics(
    sight: Sight, started: _Once, registry: CollectorRegistry | None, admit: Admit | None
) -> Callable[[Request], Awaitable[Response]]:
    if registry is None:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
    registry.register(ChainMetrics(sight.chain))

    async def metrics(request: Request) -> Response:
        started()
        if admit is not None:
            kind, _, key = request.headers.get("authorization", "").partition(" ")
            try:
                may = kind.lower() == "bearer" and await admit(
                    key.strip(), "read", address_of(request)
                )
            except Failure as error:
                return Response(f"{error}\n", 503, media_type="text/plain")
            if not may:
                text = "an API key is needed: Authorization: Bearer cat_…\n"
                needed = {"www-authenticate": 'Bearer realm="catalog"'}
                return Response(text, 401, needed, media_type="text/plain")
        told, kind = exposition(registry, request.headers.get("accept", ""))
        return Response(told, headers={"content-type": kind})

    return metrics


async def _well(_: Request) -> Response:
    """It lives and can be asked; that an engine is away is what its pages are there to show."""
    return JSONResponse({"status": "live"}, headers={"cache-control": "no-store"})


def _to_sign_in(request: Request) -> Response:
    if request.url.path.endswith(".json"):
        return JSONResponse({"error": "sign in"}, 401)
    return RedirectResponse(f"{request.scope.get('root_path', '')}/sign-in", 303)


def _problem(board: Dashboard, request: Request, text: str, status: int) -> Response:
    return render(board, request, "problem.html", status=status, title="Not done", problem=text)


def _not_found(board: Dashboard) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, _: Exception) -> Response:
        return _problem(board, request, "There is no such page.", 404)

    return answer


def _failed(_: Request, __: Exception) -> Response:
    return Response("Something is wrong here; the log says what.\n", 500, media_type="text/plain")


class _Hosts:
    """Answers only to our own names, so that another site's name can't be made to lead here."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._hosts is not None and scope["type"] == "http":
            name = urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname or ""
            if name not in self._hosts and f"[{name}]" not in self._hosts:
                text = "This server does not go by that name.\n"
                await Response(text, 421, media_type="text/plain")(scope, receive, send)
                return
        await self._app(scope, receive, send)


class _Headers:
    """Adds the headers that keep others' content and scripts out of our pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers: list[Any] = list(message["headers"])
                headers += [(n.encode(), v.encode()) for n, v in _HEADERS.items()]
                is_static = scope["path"].startswith(scope.get("root_path", "") + "/static/")
                caching = b"public, max-age=3600" if is_static else b"no-store"
                message["headers"] = [*headers, (b"cache-control", caching)]
            await send(message)

        await self._app(scope, receive, sending)

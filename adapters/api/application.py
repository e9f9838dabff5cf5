"""The ASGI application: finds the operation, lets in who may, checks what is asked, answers.

Written against ASGI itself: between the server and the statement there is nothing but this, which
is what makes a lookup cost little more than an empty answer. Paths that it doesn't know go to
`fallback` (a dashboard), where there is one.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any
from urllib.parse import unquote_to_bytes

import structlog

from adapters.api.endpoints import ENDPOINTS, Endpoint
from adapters.api.metrics import OTHER, ApiMetrics, exposition
from adapters.api.openapi import document
from adapters.api.parameters import read_query
from adapters.api.problems import MEDIA_TYPE, Problem, bad_parameter, unanswered
from adapters.api.request import ApiContext, Request
from adapters.api.responses import Response, render
from domain.failures import Failure

log = structlog.get_logger(__name__)

BODY_LIMIT = 2 * 1024 * 1024
"""Bytes of a request's body at most."""
PATH_LIMIT = 4096

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_OPERATION = "catalog.operation"
"""Where a request's scope names its operation's path, for the metrics."""
_OURS = re.compile(r"/(v\d+|docs|redoc|swagger|problems|openapi[^/]*)(/|$)", re.ASCII)
"""Paths where programs look for an API: what is not there is a problem, never a page."""
_Template = tuple[bytes | None, ...]
_INTERNAL = Problem(500, "internal", "the fault is on this side; its log says what it is")
_NOTHING = Problem(404, "no-such-path", "/openapi.json lists the paths that there are")


class Api:
    """Serves `context`; see the module."""

    def __init__(
        self,
        context: ApiContext,
        fallback: AsgiApp | None = None,
        hosts: frozenset[str] | None = None,
        metrics: ApiMetrics | None = None,
        *,
        is_metrics_open: bool = False,
    ) -> None:
        """`is_metrics_open`: /metrics needs no key even where reading needs one.

        `hosts`: names by which alone it may be asked (without port); None: by any.

        A server that is open on loopback needs them: else a page of another site could have its
        own name point here, and read through the visitor's browser.
        """
        self._context = context
        self._hosts = hosts
        self._is_metrics_open = is_metrics_open
        self._fallback = fallback
        self._metrics = metrics or ApiMetrics()
        self._document = Response(document(is_open=context.admission.is_open))
        self._routes: dict[int, list[tuple[_Template, tuple[str, ...], Endpoint]]] = {}
        for endpoint in ENDPOINTS:
            words = endpoint.path.split("/")[1:]
            names = tuple(word[1:-1] for word in words if word.startswith("{"))
            template = tuple(None if word.startswith("{") else word.encode() for word in words)
            self._routes.setdefault(len(words), []).append((template, names, endpoint))

    async def close(self) -> None:
        """Close what is open; a server asks for it by the lifespan's end."""
        await self._context.database.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        if scope["type"] != "http":
            if self._fallback is not None:
                await self._fallback(scope, receive, send)
            return
        began = perf_counter()
        headers = dict(scope["headers"])
        try:
            self._check_host(headers)
            answer = await self._answer(scope, headers, receive)
        except Problem as problem:
            is_ours = _OURS.match(scope["path"])
            if problem is _NOTHING and self._fallback is not None and not is_ours:
                await self._fallback(scope, receive, send)
                return
            answer = _of(problem)
        except Failure as failure:
            told = unanswered(failure)
            if told is None:
                log.exception("a request failed", path=scope["path"])
            answer = _of(told or _INTERNAL)
        except Exception:
            # The client is told nothing of how we are made; the log is told everything.
            log.exception("a request failed", path=scope["path"])
            answer = _of(
                Problem(500, "internal", "the fault is on this side; its log says what it is")
            )
        status, out, body = render(answer, headers)
        await send({"type": "http.response.start", "status": status, "headers": out})
        is_head = scope["method"] == "HEAD"
        await send({"type": "http.response.body", "body": b"" if is_head else body})
        self._metrics.note(scope.get(_OPERATION, OTHER), status, perf_counter() - began)

    async def _answer(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive
    ) -> Response:
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        if raw == b"/openapi.json":
            _allow(scope, ("GET",))
            await self._admit(scope, headers)
            return self._document
        if raw.startswith(b"/health/"):
            _allow(scope, ("GET",))
            return await self._health(raw)
        if raw == b"/metrics":
            _allow(scope, ("GET",))
            if not self._is_metrics_open:
                await self._admit(scope, headers)
            if self._fallback is not None:
                raise _NOTHING  # which tells of the whole chain too
            accept = headers.get(b"accept", b"").decode("latin-1")
            told, kind = exposition(self._metrics.told, accept)
            return Response(told, content_type=kind, is_cacheable=False)
        if len(raw) > PATH_LIMIT:
            raise Problem(414, "path-too-long", f"a path may have {PATH_LIMIT} bytes")
        endpoint, path = self._find(raw)
        scope[_OPERATION] = endpoint.path
        _allow(scope, (endpoint.method,))
        await self._admit(scope, headers)
        query = read_query(scope["query_string"], endpoint.query)
        body = await _body(headers, receive) if endpoint.body else b""
        return await endpoint.handle(self._context, Request(path, query, body))

    async def _admit(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        client = scope.get("client")
        await self._context.admission.admit(headers, client[0] if client else "")

    def _check_host(self, headers: dict[bytes, bytes]) -> None:
        if self._hosts is None:
            return
        name = headers.get(b"host", b"").decode("latin-1").lower()
        if name.rpartition(":")[0 if name[-1:].isdigit() and ":" in name else 2] not in self._hosts:
            raise Problem(
                421,
                "host",
                "this server is open on this machine only, by its loopback names; with API keys"
                " (--keys) it answers to any name",
            )

    def _find(self, raw: bytes) -> tuple[Endpoint, dict[str, str]]:
        # Split before it is unquoted: ids and numbers may hold a slash (as %2F).
        quoted = raw.split(b"/")[1:]
        for template, names, endpoint in self._routes.get(len(quoted), ()):
            if all(t is None or t == q for t, q in zip(template, quoted, strict=True)):
                values = [_unquoted(q) for t, q in zip(template, quoted, strict=True) if t is None]
                return endpoint, dict(zip(names, values, strict=True))
        raise _NOTHING

    async def _health(self, raw: bytes) -> Response:
        if raw == b"/health/ready":
            rows = await self._context.database.rows("SELECT 1 WHERE %(x)s::int = 1", {"x": 1})
            return Response(b'{"status":"ready"}' if rows else b"{}", is_cacheable=False)
        if raw == b"/health/live":
            return Response(b'{"status":"live"}', is_cacheable=False)
        raise _NOTHING

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._fallback is not None:
            try:
                await self._fallback(scope, receive, send)
            finally:
                await self.close()
            return
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _unquoted(segment: bytes) -> str:
    try:
        text = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise bad_parameter("the path is not UTF-8") from None
    if "\x00" in text:
        raise bad_parameter("the path holds a NUL character")
    if not text:
        raise _NOTHING
    return text


def _allow(scope: Scope, methods: tuple[str, ...]) -> None:
    allowed = (*methods, "HEAD") if "GET" in methods else methods
    if scope["method"] not in allowed:
        listed = ", ".join(allowed)
        raise Problem(405, "method", f"this path takes {listed}", {"Allow": listed})


async def _body(headers: dict[bytes, bytes], receive: Receive) -> bytes:
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        raise Problem(415, "media-type", "the body must be application/json")
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "bad-body", "the body ended before it was whole")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_LIMIT:
            raise Problem(413, "too-large", f"a body may have {BODY_LIMIT} bytes")
        if not message.get("more_body"):
            return b"".join(parts)


def _of(problem: Problem) -> Response:
    return Response(
        problem.body(), None, problem.status, MEDIA_TYPE, problem.headers, is_cacheable=False
    )

"""Keeps other sites out: our own names only, and headers that forbid what our pages don't need."""

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}


class OwnNames:
    """Answers only to our own names, so that another site's name can't be made to lead here."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if self._hosts is not None and scope["type"] == "http":
            name = urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname or ""
            if name not in self._hosts and f"[{name}]" not in self._hosts:
                text = "This server does not go by that name.\n"
                await Response(text, 421, media_type="text/plain")(scope, receive, send)
                return
        await self._app(scope, receive, send)


class ProtectiveHeaders:
    """Adds the headers that keep others' content and scripts out of our pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers: list[Any] = list(message["headers"])
                headers += [(n.encode(), v.encode()) for n, v in _HEADERS.items()]
                is_static = scope["path"].startswith(scope.get("root_path", "") + "/static/")
                caching = b"public, max-age=3600" if is_static else b"no-store"
                message["headers"] = [*headers, (b"cache-control", caching)]
            await send(message)

        await self._app(scope, receive, sending)

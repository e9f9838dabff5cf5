"""The API asked without a server and without a database."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote

import msgspec

from adapters.api.admission import Admission
from adapters.api.application import Api, AsgiApp
from adapters.api.gathering import GatheredLookups
from adapters.api.request import ApiContext
from adapters.explanation.history import History
from adapters.read_database.query_pool import QueryPool

Rows = Sequence[tuple[Any, ...]]


class Database:
    """Gives the same rows to every statement, and keeps the parameters."""

    def __init__(self, rows: Rows = ()) -> None:
        self.given = rows
        self.asked: list[Mapping[str, Any]] = []

    async def rows(self, statement: str, parameters: Mapping[str, Any]) -> Rows:
        """The rows."""
        self.asked.append(parameters)
        return self.given

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


def api(
    database: object,
    *,
    is_open: bool = True,
    fallback: AsgiApp | None = None,
    is_metrics_open: bool = False,
    history: History | None = None,
) -> Api:
    """The API over something that stands for its database."""
    stands_for = cast(QueryPool, database)
    admission = Admission(stands_for, is_open=is_open)
    context = ApiContext(stands_for, GatheredLookups(stands_for), admission, history)
    return Api(context, fallback, is_metrics_open=is_metrics_open)


async def ask(
    app: AsgiApp,
    target: str | bytes,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    body: bytes = b"",
) -> Reply:
    """One request, as the server hands it over."""
    raw = target.encode() if isinstance(target, str) else target
    path, _, query = raw.partition(b"?")
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http", "method": method, "path": unquote(path.decode("latin-1")),
        "raw_path": path, "query_string": query, "client": ("192.0.2.1", 5),
        "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in (headers or {}).items()],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, content = sent
    told = {k.decode(): v.decode() for k, v in start["headers"]}
    return Reply(start["status"], told, content["body"])


def ask_once(app: AsgiApp, target: str | bytes, headers: Mapping[str, str] | None = None) -> Reply:
    """One request, in a loop of its own."""
    return asyncio.run(ask(app, target, headers))

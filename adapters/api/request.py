"""A request that was checked, and what its operation works with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.api.admission import Admission
from adapters.api.gathering import GatheredLookups
from adapters.api.responses import Response
from adapters.explanation.history import History
from adapters.read_database.query_pool import QueryPool


@dataclass(frozen=True)
class ApiContext:
    """What the operations of one process share."""

    database: QueryPool
    lookups: GatheredLookups
    admission: Admission
    history: History | None = None
    """Where events are read; None without an event log."""
    zones: Mapping[str, str] = field(default_factory=dict)
    """Territory → IANA zone, where it isn't the capital's."""


@dataclass(frozen=True)
class Request:
    """The path's variables, the query's parameters, the body."""

    path: Mapping[str, str]
    query: Any
    body: bytes = b""


Handler = Callable[[ApiContext, Request], Awaitable[Response]]

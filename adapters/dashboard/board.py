"""What pages and actions work with."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import psycopg
from starlette.requests import Request
from starlette.responses import Response

from adapters.composition.databases import READ_ONLY, read_connection
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.dashboard.access import AccessRules, Visitor
from adapters.dashboard.jobs import Jobs
from adapters.dashboard.snapshots import Snapshots


@dataclass(frozen=True)
class Board:
    """One dashboard."""

    settings: Settings
    endpoints: Endpoints
    snapshots: Snapshots
    jobs: Jobs
    access: AccessRules

    def reading(self) -> AbstractContextManager[psycopg.Connection]:
        """A read-only connection to the read database. Raises Failure."""
        return read_connection(self.endpoints.read_dsn, "dashboard", READ_ONLY)


View = Callable[[Board, Request, Visitor], Awaitable[Response]]
"""Answers a request of somebody who may look. Raises Failure."""

"""What senders delivered: batches of inboxes, their messages, and what is in quarantine."""

from collections.abc import Callable
from typing import TypeVar

import psycopg
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from adapters.composition.databases import READ_ONLY, master_connection
from adapters.dashboard.access import RequestRefused, Visitor, whole_number
from adapters.dashboard.board import Board
from adapters.dashboard.rendering import render
from adapters.ingestion.inbox import overview
from adapters.ingestion.ingest import failing_as_failure
from domain.failures import Unavailable

PAGE = 50
T = TypeVar("T")


async def deliveries(board: Board, request: Request, who: Visitor) -> Response:
    """Batches, the newest first, and the newest of the quarantine."""
    before = whole_number(request.query_params.get("before", "0")) or None

    def find(
        connection: psycopg.Connection,
    ) -> tuple[list[overview.BatchLine], list[overview.Waiting]]:
        return (
            overview.batches(connection, before, PAGE + 1),
            overview.quarantine(connection, PAGE),
        )

    found, waiting = await _asked(board, find)
    return render(
        board,
        request,
        "deliveries.html",
        title="Deliveries",
        who=who,
        every=5,
        batches=found[:PAGE],
        next_before=found[PAGE - 1].id if len(found) > PAGE else None,
        quarantine=waiting,
        where=board.settings.inbox.where,
    )


async def delivery(board: Board, request: Request, who: Visitor) -> Response:
    """One batch and its messages, those that weren't accepted first."""
    number = whole_number(request.path_params["number"])
    after = whole_number(request.query_params.get("after", "0"))

    def find(
        connection: psycopg.Connection,
    ) -> tuple[overview.BatchLine | None, list[overview.MessageLine]]:
        return (
            overview.batch(connection, number),
            overview.messages(connection, number, after, PAGE + 1),
        )

    batch, lines = await _asked(board, find)
    if batch is None:
        raise RequestRefused("There is no such batch.", 404)
    return render(
        board,
        request,
        "delivery.html",
        title=f"Batch {batch.path}",
        who=who,
        every=5,
        batch=batch,
        lines=lines[:PAGE],
        next_after=after + PAGE if len(lines) > PAGE else None,
    )


async def _asked(board: Board, find: Callable[[psycopg.Connection], T]) -> T:
    """Ask the master database. Raises Failure."""
    dsn = board.endpoints.master_dsn
    if not dsn:
        raise Unavailable("deliveries are in the master database: set CATALOG_MASTER__URL")

    def ask() -> T:
        with failing_as_failure(), master_connection(dsn, "dashboard", READ_ONLY) as connection:
            return find(connection)

    return await run_in_threadpool(ask)

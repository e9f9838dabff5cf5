"""Retry and discard parked records: one, or all that a filter takes."""

from collections.abc import Callable
from contextlib import closing

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from adapters.composition import databases
from adapters.composition.dead_letters import retry_dead_letters
from adapters.dashboard.access import Visitor, operators_form, whole_number
from adapters.dashboard.board import Board
from adapters.dashboard.jobs import Job
from adapters.dashboard.rendering import local
from adapters.figures import count
from adapters.read_database import dead_letter_search
from adapters.read_database.dead_letter_search import DeadLetterFilter
from domain.failures import Failure


async def retry(board: Board, request: Request, who: Visitor) -> Response:
    """Try them again."""
    chosen, what = await _chosen(board, await operators_form(request, who))

    def work(_: Job) -> str:
        with closing(databases.dead_letters(board.endpoints)) as kept:
            numbers = set(chosen)
            wanted = [dead_letter for dead_letter in kept.list() if dead_letter.number in numbers]
        retried = retry_dead_letters(board.settings, board.endpoints, wanted)
        told = f"{len(retried.done)} resolved, {len(retried.failed)} failed again"
        if retried.failed:
            raise Failure(told)
        return told

    return _started(board, request, who, f"retry {what}", work)


async def discard(board: Board, request: Request, who: Visitor) -> Response:
    """Forget them on purpose."""
    chosen, what = await _chosen(board, await operators_form(request, who))

    def work(_: Job) -> str:
        with closing(databases.dead_letters(board.endpoints)) as kept:
            return f"{kept.discard(chosen)} discarded"

    return _started(board, request, who, f"discard {what}", work)


async def _chosen(board: Board, form: dict[str, str]) -> tuple[list[int], str]:
    """Numbers of the dead letters that a form names, and how to call them."""
    if form.get("number"):
        number = whole_number(form["number"])
        return [number], f"dead letter {number}"
    chosen = DeadLetterFilter.of(form)

    def find() -> list[int]:
        with board.reading() as connection:
            return dead_letter_search.numbers(connection, chosen)

    found = await run_in_threadpool(find)
    of = ", ".join(f"{name} {value!r}" for name, value in chosen.fields.items()) or "no filter"
    return found, f"{count(len(found), 'dead letter')} ({of})"


def _started(
    board: Board, request: Request, who: Visitor, what: str, work: Callable[[Job], str]
) -> Response:
    board.jobs.start("dead letters", what, who.name or "?", work)
    return RedirectResponse(local(request, "/dead-letters"), 303)

"""Parked records: by reason, by key, and one of them with its bytes."""

from contextlib import closing

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from adapters.composition import clients, databases
from adapters.composition.topology import READ_MODELS
from adapters.dashboard.access import RequestRefused, Visitor, whole_number
from adapters.dashboard.board import Board
from adapters.dashboard.records import described
from adapters.dashboard.rendering import render
from adapters.event_log.avro.objects import RecordReader
from adapters.event_log.registry import RegistryFailed
from adapters.read_database import dead_letter_search
from adapters.read_database.dead_letter_search import DeadLetterFilter, DeadLetterLine
from projections.ports.dead_letters import DeadLetter, NoDeadLetter

PAGE = 50


async def dead_letters(board: Board, request: Request, who: Visitor) -> Response:
    """Parked records by reason and key, a page at a time."""
    chosen = DeadLetterFilter.of(request.query_params)
    after = whole_number(request.query_params.get("after"))

    def find() -> list[DeadLetterLine]:
        with board.reading() as connection:
            return dead_letter_search.page(connection, chosen, after=after, limit=PAGE + 1)

    found = await run_in_threadpool(find)
    return render(
        board,
        request,
        "dead_letters.html",
        title="Dead letters",
        who=who,
        every=4,
        taken=board.snapshots.parked.newest(),
        chosen=chosen,
        after=after,
        lines=found[:PAGE],
        more=len(found) > PAGE,
        models=[model.name for model in READ_MODELS],
        jobs=board.jobs.recent("dead letters"),
    )


async def dead_letter(board: Board, request: Request, who: Visitor) -> Response:
    """One parked record, its bytes decoded as far as possible."""
    number = whole_number(request.path_params["number"])
    found, kind, text = await run_in_threadpool(_found, board, number)
    return render(
        board,
        request,
        "dead_letter.html",
        title=f"Dead letter {number}",
        who=who,
        record=found,
        kind=kind,
        text=text,
        key=None if found.key is None else found.key.decode("utf-8", "backslashreplace"),
        jobs=board.jobs.recent("dead letters"),
    )


def _found(board: Board, number: int) -> tuple[DeadLetter, str, str]:
    """The record, what kind of value it holds, and that as text."""
    with closing(databases.dead_letters(board.endpoints)) as kept:
        try:
            found = kept.show(number)
        except NoDeadLetter as none:
            raise RequestRefused(str(none), 404) from none
    with closing(clients.registry(board.endpoints)) as registry:
        try:
            return found, *described(RecordReader(registry), found.value)
        except RegistryFailed as error:
            return found, "not decoded", str(error)

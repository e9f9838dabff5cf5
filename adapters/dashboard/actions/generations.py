"""Rebuild, switch, roll back, drop: on the generations of one read model at a time each."""

from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from adapters.composition.topology import read_model
from adapters.composition.wiring import engine_context
from adapters.dashboard.access import RequestRefused, Visitor, operators_form, whole_number
from adapters.dashboard.board import Board
from adapters.dashboard.jobs import Job
from adapters.dashboard.rendering import local
from domain.failures import Failure, WrongUsage
from projections.catalog import CATALOG
from projections.engine import rebuild as building
from projections.engine import switch as switching
from projections.engine.context import EngineContext
from projections.engine.progress import Progress, Report
from projections.read_model import ReadModel

Operation = Callable[[EngineContext, Report], str]
"""Does it, and says what became of it."""


async def rebuild(board: Board, request: Request, who: Visitor) -> Response:
    """Build a new generation, or go on with an unfinished one; switch to it when it is proven, if
    that is wanted."""
    form = await operators_form(request, who)
    switch, park = "switch" in form, "park_poison" in form
    what = "rebuild and switch {}" if switch else "rebuild {} without switch"
    return _started(board, request, who, form, what, partial(_rebuilt, switch, park))


async def switch(board: Board, request: Request, who: Visitor) -> Response:
    """Make a generation live."""
    form = await operators_form(request, who)
    number, force = whole_number(form.get("number")), "force" in form

    def work(context: EngineContext, report: Report) -> str:
        live = switching.switch(context, number, force=force, report=report)
        return f"generation {live.number} is live"

    return _started(board, request, who, form, f"switch to generation {number} of {{}}", work)


async def rollback(board: Board, request: Request, who: Visitor) -> Response:
    """Make the former generation live again."""
    form = await operators_form(request, who)

    def work(context: EngineContext, report: Report) -> str:
        return f"generation {switching.rollback(context, report=report).number} is live again"

    return _started(board, request, who, form, "roll back {}", work)


async def drop(board: Board, request: Request, who: Visitor) -> Response:
    """Drop a generation that isn't live."""
    form = await operators_form(request, who)
    number = whole_number(form.get("number"))

    def work(context: EngineContext, _: Report) -> str:
        return f"generation {switching.drop(context, number).number} is dropped"

    return _started(board, request, who, form, f"drop generation {number} of {{}}", work)


def _rebuilt(switch: bool, park: bool, context: EngineContext, report: Report) -> str:
    done = building.rebuild(context, switch=switch, park_poison=park, report=report)
    number, note = done.generation.number, done.generation.note or ""
    if switch and not done.switched:
        raise Failure(f"generation {number} was not switched in: {note}")
    state = "live" if done.switched else done.generation.phase.value
    return f"generation {number} is {state}{f': {note}' if note else ''}"


def _started(
    board: Board,
    request: Request,
    who: Visitor,
    form: dict[str, str],
    what: str,
    operation: Operation,
) -> Response:
    """Start a job on the form's read model; `what` has a place for its name. Raises Busy."""
    model = _model(form)

    def work(job: Job) -> str:
        def tell(progress: Progress) -> None:
            job.step = f"{progress.phase} {progress.detail}".strip()

        with engine_context(board.settings, board.endpoints, model) as context:
            return operation(context, tell)

    board.jobs.start(
        "generations", what.format(model.name), who.name or "?", work, subject=model.name
    )
    return RedirectResponse(local(request, "/generations"), 303)


def _model(form: dict[str, str]) -> ReadModel:
    """The read model that a form names; the catalog where it names none."""
    try:
        return read_model(form.get("model", CATALOG.name))
    except WrongUsage:
        raise RequestRefused("There is no such read model.", 404) from None

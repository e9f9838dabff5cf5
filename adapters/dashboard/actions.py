"""What an operator can do. Each needs a key with `operate`, runs as a job, and is logged.

They are the engine's own operations, the same that the command line calls.
"""

from collections.abc import Awaitable, Callable
from contextlib import closing

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from adapters.composition import databases
from adapters.composition.dead_letters import retry_dead_letters
from adapters.composition.topology import read_model
from adapters.composition.wiring import engine_context
from adapters.dashboard import letters
from adapters.dashboard.access import Refused, Visitor, operators_form, whole_number
from adapters.dashboard.jobs import Busy, Job
from adapters.dashboard.letters import Filter
from adapters.dashboard.rendering import Dashboard
from domain.failures import Failure, WrongUsage
from projections.catalog import CATALOG
from projections.engine import rebuild as building
from projections.engine import switch as switching
from projections.engine.progress import Progress, Report
from projections.read_model import ReadModel

Action = Callable[[Dashboard, Request, Visitor], Awaitable[Response]]


async def rebuild(board: Dashboard, request: Request, who: Visitor) -> Response:
    """Build a new generation; switch to it when it is proven, if that is wanted."""
    form = await operators_form(request, who)
    model = _model(form)
    switch = "switch" in form
    park = "park_poison" in form

    def work(job: Job) -> str:
        with engine_context(board.settings, board.endpoints, model) as context:
            done = building.rebuild(context, switch=switch, park_poison=park, report=_telling(job))
        number, note = done.generation.number, done.generation.note or ""
        if switch and not done.switched:
            raise Failure(f"generation {number} was not switched in: {note}")
        state = "live" if done.switched else done.generation.phase.value
        return f"generation {number} is {state}{f': {note}' if note else ''}"

    what = f"rebuild and switch {model.name}" if switch else f"rebuild {model.name} without switch"
    return _started(board, request, who, "generations", what, work)


async def switch(board: Dashboard, request: Request, who: Visitor) -> Response:
    """Make a generation live."""
    form = await operators_form(request, who)
    model = _model(form)
    number = whole_number(form.get("number", ""))
    force = "force" in form

    def work(job: Job) -> str:
        with engine_context(board.settings, board.endpoints, model) as context:
            live = switching.switch(context, number, force=force, report=_telling(job))
        return f"generation {live.number} is live"

    what = f"switch to generation {number} of {model.name}"
    return _started(board, request, who, "generations", what, work)


async def rollback(board: Dashboard, request: Request, who: Visitor) -> Response:
    """Make the former generation live again."""
    model = _model(await operators_form(request, who))

    def work(job: Job) -> str:
        with engine_context(board.settings, board.endpoints, model) as context:
            live = switching.rollback(context, report=_telling(job))
        return f"generation {live.number} is live again"

    return _started(board, request, who, "generations", f"roll back {model.name}", work)


async def retry(board: Dashboard, request: Request, who: Visitor) -> Response:
    """Try parked records again: one, or all that a filter takes."""
    form = await operators_form(request, who)
    chosen, what = await _chosen(board, form)

    def work(_: Job) -> str:
        with closing(databases.dead_letters(board.endpoints)) as kept:
            numbers = set(chosen)
            wanted = [letter for letter in kept.list() if letter.number in numbers]
        retried = retry_dead_letters(board.settings, board.endpoints, wanted)
        told = f"{len(retried.done)} resolved, {len(retried.failed)} failed again"
        if retried.failed:
            raise Failure(told)
        return told

    return _started(board, request, who, "dead letters", f"retry {what}", work)


async def discard(board: Dashboard, request: Request, who: Visitor) -> Response:
    """Forget parked records on purpose: one, or all that a filter takes."""
    form = await operators_form(request, who)
    chosen, what = await _chosen(board, form)

    def work(_: Job) -> str:
        with closing(databases.dead_letters(board.endpoints)) as kept:
            return f"{kept.discard(chosen)} discarded"

    return _started(board, request, who, "dead letters", f"discard {what}", work)


ACTIONS: dict[str, Action] = {
    "/generations/rebuild": rebuild,
    "/generations/switch": switch,
    "/generations/rollback": rollback,
    "/dead-letters/retry": retry,
    "/dead-letters/discard": discard,
}

_PAGES = {"generations": "/generations", "dead letters": "/dead-letters"}


def _model(form: dict[str, str]) -> ReadModel:
    """The read model that a form names; the catalog where it names none."""
    try:
        return read_model(form.get("model", CATALOG.name))
    except WrongUsage:
        raise Refused("there is no such read model", 404) from None


async def _chosen(board: Dashboard, form: dict[str, str]) -> tuple[list[int], str]:
    """Numbers of the letters that a form names, and how to call them."""
    if form.get("number"):
        number = whole_number(form["number"])
        return [number], f"dead letter {number}"
    chosen = Filter.of(form)
    found = await run_in_threadpool(letters.numbers, board.endpoints.read_dsn, chosen)
    of = ", ".join(f"{name} {value!r}" for name, value in chosen.fields.items()) or "no filter"
    count = f"{len(found)} dead letter{'' if len(found) == 1 else 's'}"
    return found, f"{count} ({of})"


def _started(
    board: Dashboard,
    request: Request,
    who: Visitor,
    kind: str,
    what: str,
    work: Callable[[Job], str],
) -> Response:
    try:
        board.jobs.start(kind, what, who.name or "?", work)
    except Busy as busy:
        raise Refused(f"Not started: {busy}.", 409) from None
    return RedirectResponse(f"{request.scope.get('root_path', '')}{_PAGES[kind]}", 303)


def _telling(job: Job) -> Report:
    def tell(progress: Progress) -> None:
        job.step = f"{progress.phase} {progress.detail}".strip()

    return tell

"""`catalog rebuild`: a new generation of a read model, from message zero or as of an instant."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.cli.generations import outcome
from adapters.cli.parameters import instant_named, topics_named
from adapters.cli.read_models import DEFAULT, Model
from domain.failures import Unhealthy, WrongUsage

if TYPE_CHECKING:
    from projections.engine.context import EngineContext
    from projections.engine.progress import Report
    from projections.engine.rebuild import Rebuilt
    from projections.ports.generations import Generation
    from projections.read_model import ReadModel

NoSwitch = Annotated[
    bool, typer.Option("--no-switch", help="Build and verify only; `catalog switch` comes later.")
]
ParkPoison = Annotated[
    bool,
    typer.Option("--park-poison", help="Park records that can't be used instead of stopping."),
]
AcceptDifferences = Annotated[
    bool,
    typer.Option("--accept-differences", help="Switch although rows differ from the live ones."),
]
Force = Annotated[
    bool, typer.Option("--force", help="Rebuild although the log's history is not whole.")
]
Keep = Annotated[int, typer.Option(min=0, help="Former generations to keep for rollback.")]
Topics = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TOPIC,…",
        help="Read only these; tables of others are carried over from the live generation.",
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        metavar="TIMESTAMP",
        help="Only what was committed by then (ISO 8601; UTC unless it says otherwise). Such a "
        "generation is asked by `catalog lookup --generation` and never switched in.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only say what would be read, and how long it takes.")
]
Workers = Annotated[
    int, typer.Option(min=1, help="Processes that share the partitions while filling.")
]
Join = Annotated[
    bool, typer.Option("--join", help="Only help a rebuild that runs elsewhere to fill, then end.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")]


@dataclass(frozen=True)
class RebuildRequest:
    """What is to be built, and how."""

    model: "ReadModel"
    topics: list[str]
    """Only these; empty for all."""
    instant: datetime | None
    """As of when; None for a generation that serves."""
    switch: bool
    park_poison: bool
    accept_differences: bool
    force: bool
    keep: int
    as_json: bool


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(rebuild)


def rebuild(
    no_switch: NoSwitch = False,
    park_poison: ParkPoison = False,
    accept_differences: AcceptDifferences = False,
    force: Force = False,
    keep: Keep = 1,
    topics: Topics = None,
    as_of: AsOf = None,
    dry_run: DryRun = False,
    workers: Workers = 1,
    join: Join = False,
    model: Model = DEFAULT,
    as_json: Json = False,
) -> None:
    """Build a new generation, verify it, switch to it.

    It is built from message zero beside the live one; readers notice nothing. A rebuild that was
    stopped or killed goes on where it was when it is started again, with the same --topics or
    --as-of. Exit code 3 where rows differ from the live ones: nothing is switched then.
    """
    from adapters.cli.engine import engine_of
    from adapters.composition.topology import read_model

    chosen = read_model(model)
    instant = None if as_of is None else _past(as_of)
    if instant is not None and (topics or accept_differences):
        raise WrongUsage("--as-of reads all topics and is never switched in: leave the rest out")
    if instant is not None and (workers > 1 or join):
        raise WrongUsage("--as-of is filled by one process: leave --workers and --join out")
    request = RebuildRequest(
        model=chosen,
        topics=topics_named(topics or [], chosen.topics),
        instant=instant,
        switch=not no_switch,
        park_poison=park_poison,
        accept_differences=accept_differences,
        force=force,
        keep=keep,
        as_json=as_json,
    )
    if dry_run:
        with engine_of(chosen, "catalog rebuild") as (context, _):
            _show_plan(context, request)
        return
    if not join:
        _build(request, workers)
        return
    with engine_of(chosen, "catalog rebuild --join") as (context, report):
        _help(context, request, report)


def _build(request: RebuildRequest, workers: int) -> None:
    """Build with `workers` processes, and tell what became of it."""
    from adapters.cli.engine import engine_of
    from adapters.composition.kept import WorkerCommand
    from projections.engine import rebuild as building
    from projections.engine.as_of import rebuild_as_of

    join = ["rebuild", "--join", "--model", request.model.name]
    join += ["--park-poison"] if request.park_poison else []
    helpers = [WorkerCommand(f"rebuild-{number}", tuple(join)) for number in range(1, workers)]
    with engine_of(request.model, "catalog rebuild", helpers) as (context, report):
        if request.instant is not None:
            frozen = rebuild_as_of(
                context,
                request.instant,
                park_poison=request.park_poison,
                force=request.force,
                report=report,
            )
            _tell_frozen(frozen, as_json=request.as_json)
            return
        done = building.rebuild(
            context,
            topics=request.topics,
            switch=request.switch,
            park_poison=request.park_poison,
            accept_differences=request.accept_differences,
            force=request.force,
            keep=request.keep,
            report=report,
        )
    _tell_built(done, as_json=request.as_json)


def _help(context: "EngineContext", request: RebuildRequest, report: "Report") -> None:
    """Fill what a rebuild elsewhere has left, and tell how much that was."""
    from projections.engine import fill

    filled = fill.join(context, park=request.park_poison, report=report)
    if request.as_json:
        print(json.dumps({"filled": filled}))
    elif filled is None:
        print("no rebuild is running: there was nothing to help with")
    else:
        print(f"filled {filled:,} offsets")


def _past(text: str) -> datetime:
    instant = instant_named(text, "--as-of")
    if instant > datetime.now(UTC):
        raise WrongUsage(f"--as-of {text} is a time to come: its catalog is not known yet")
    return instant


def _show_plan(context: "EngineContext", request: RebuildRequest) -> None:
    from adapters.cli import plans
    from projections.engine.plan import plan
    from projections.engine.scope import scope_of
    from projections.ports.generations import Purpose, Scope

    if request.instant is None:
        found = plan(context, Purpose.SERVE, scope_of(context.model, request.topics))
    else:
        found = plan(context, Purpose.AS_OF, Scope(as_of=request.instant))
    if request.as_json:
        print(json.dumps(plans.as_dict(found)))
    else:
        plans.show(found)
    if found.violations:
        raise Unhealthy("history is not whole: a rebuild would be refused without --force")


def _tell_frozen(frozen: "Generation", *, as_json: bool) -> None:
    instant = frozen.scope.as_of
    if as_json:
        when = None if instant is None else instant.isoformat()
        print(json.dumps({**outcome(frozen), "as_of": when, "note": frozen.note}))
        return
    print(
        f"generation {frozen.number} is the catalog {frozen.note}; "
        f"`catalog lookup --generation {frozen.number} …` asks it, "
        f"`catalog generations drop {frozen.number}` drops it"
    )


def _tell_built(done: "Rebuilt", *, as_json: bool) -> None:
    """Print the outcome. Raises Unhealthy where the generation differs and wasn't switched in."""
    from adapters.cli import comparison as comparing
    from projections.engine import beginnings

    built, comparison = done.generation, done.comparison
    if as_json:
        compared = None if comparison is None else comparing.as_dict(comparison)
        lacking = dict(built.lacking)
        told = {"switched": done.switched, "comparison": compared, "lacking": lacking}
        print(json.dumps({**outcome(built), **told}))
    else:
        if comparison is not None:
            comparing.show(comparison)
        resumed = " (resumed after it was stopped)" if done.resumed else ""
        state = "live" if done.switched else built.phase.value
        lost = beginnings.told(built)
        print(f"generation {built.number} of {built.read_model}{resumed} is {state}{lost}")
    if comparison is not None and not comparison.equal and not done.switched:
        raise Unhealthy(
            f"generation {built.number} differs from the live one and was not switched in; "
            f"`catalog switch {built.number} --force --model {built.read_model}` does so all "
            "the same"
        )

"""`catalog rebuild`, `switch`, `rollback`: new generations of a read model, what is live."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from adapters.cli.parameters import moment_named, topics_named
from adapters.cli.read_models import DEFAULT, Model
from domain.failures import Unhealthy, WrongUsage

if TYPE_CHECKING:
    from projections.engine.context import EngineContext
    from projections.engine.rebuild import Rebuilt
    from projections.ports.generations import Generation

Json = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(rebuild)
    app.command()(switch)
    app.command()(rollback)


def rebuild(
    no_switch: Annotated[
        bool,
        typer.Option("--no-switch", help="Build and verify only; `catalog switch` comes later."),
    ] = False,
    park_poison: Annotated[
        bool,
        typer.Option("--park-poison", help="Park records that can't be used instead of stopping."),
    ] = False,
    accept_differences: Annotated[
        bool,
        typer.Option(
            "--accept-differences", help="Switch although rows differ from the live ones."
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Rebuild although the log's history is not whole.")
    ] = False,
    keep: Annotated[int, typer.Option(min=0, help="Former generations to keep for rollback.")] = 1,
    topics: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TOPIC,…",
            help="Read only these; tables of others are carried over from the live generation.",
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="TIMESTAMP",
            help="Of what was committed by then only (ISO 8601; UTC unless it says otherwise): to "
            "be asked by `catalog lookup --generation`, never switched in.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be read, and how long it takes.")
    ] = False,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that share the partitions out while filling.")
    ] = 1,
    join: Annotated[
        bool,
        typer.Option("--join", help="Only help a rebuild that runs elsewhere to fill, then end."),
    ] = False,
    model: Model = DEFAULT,
    as_json: Json = False,
) -> None:
    """Build a new generation from message zero beside the live one, verify it, switch to it.

    Readers notice nothing. A rebuild that was stopped or killed goes on where it was when started
    again, with the same --topics or --as-of. Exit code 3 where rows differ from the live ones:
    nothing is switched then.
    """
    from adapters.cli.comparison import as_dict, show
    from adapters.cli.interruption import resumable
    from adapters.cli.phases import shown_on
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.services import WorkerCommand, alongside
    from adapters.composition.settings import load_settings
    from adapters.composition.topology import read_model
    from adapters.composition.wiring import engine_context
    from projections.engine import fill
    from projections.engine import rebuild as building
    from projections.engine.as_of import rebuild_as_of

    chosen_model = read_model(model)
    chosen = topics_named(topics or [], chosen_model.topics)
    moment = None if as_of is None else _past(as_of)
    if moment is not None and (chosen or accept_differences):
        raise WrongUsage("--as-of reads all topics and is never switched in: leave the rest out")
    if moment is not None and (workers > 1 or join):
        raise WrongUsage("--as-of is filled by one process: leave --workers and --join out")
    settings = load_settings()
    endpoints = resolve_endpoints(settings)
    parked = ("--park-poison",) if park_poison else ()
    helpers = [
        WorkerCommand(f"rebuild-{number}", ("rebuild", "--join", "--model", model, *parked))
        for number in range(1, workers)
    ]
    with (
        resumable("`catalog rebuild` goes on where it was"),
        alongside([] if dry_run else helpers, settings),
        shown_on(Console(stderr=True)) as report,
        engine_context(settings, endpoints, chosen_model) as context,
    ):
        if dry_run:
            _show_plan(context, chosen, moment, as_json=as_json)
            return
        if join:
            _say_joined(fill.join(context, park=park_poison, report=report), as_json=as_json)
            return
        if moment is not None:
            frozen = rebuild_as_of(
                context, moment, park_poison=park_poison, force=force, report=report
            )
            _say_frozen(frozen, as_json=as_json)
            return
        done = building.rebuild(
            context,
            topics=chosen,
            switch=not no_switch,
            park_poison=park_poison,
            accept_differences=accept_differences,
            force=force,
            keep=keep,
            report=report,
        )
    if as_json:
        comparison = None if done.comparison is None else as_dict(done.comparison)
        generation = _generation(done.generation)
        print(json.dumps({**generation, "switched": done.switched, "comparison": comparison}))
    else:
        if done.comparison is not None:
            show(done.comparison)
        print(_outcome(done))
    if done.comparison is not None and not done.comparison.equal and not done.switched:
        raise Unhealthy(
            f"generation {done.generation.number} differs from the live one and was not switched "
            f"in; `catalog switch {done.generation.number} --force --model {model}` does so all "
            "the same"
        )


def switch(
    number: Annotated[
        int | None, typer.Argument(help="Which generation; by default the newest verified one.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also one whose rows differ from the live ones.")
    ] = False,
    model: Model = DEFAULT,
    as_json: Json = False,
) -> None:
    """Bring a generation up to date and make it live."""
    from adapters.cli.interruption import resumable
    from adapters.cli.phases import shown_on
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.composition.topology import read_model
    from adapters.composition.wiring import engine_context
    from projections.engine import switch as switching

    settings = load_settings()
    with (
        resumable("`catalog switch` goes on where it was"),
        shown_on(Console(stderr=True)) as report,
        engine_context(settings, resolve_endpoints(settings), read_model(model)) as context,
    ):
        live = switching.switch(context, number, force=force, report=report)
    _say_live(live, as_json=as_json)


def rollback(model: Model = DEFAULT, as_json: Json = False) -> None:
    """Bring the former generation up to date and make it live again."""
    from adapters.cli.interruption import resumable
    from adapters.cli.phases import shown_on
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.composition.topology import read_model
    from adapters.composition.wiring import engine_context
    from projections.engine import switch as switching

    settings = load_settings()
    with (
        resumable("`catalog rollback` goes on where it was"),
        shown_on(Console(stderr=True)) as report,
        engine_context(settings, resolve_endpoints(settings), read_model(model)) as context,
    ):
        live = switching.rollback(context, report=report)
    _say_live(live, as_json=as_json)


def _say_joined(filled: int | None, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"filled": filled}))
    elif filled is None:
        print("nobody rebuilds: there was nothing to help with")
    else:
        print(f"filled {filled} offsets")


def _past(text: str) -> datetime:
    moment = moment_named(text, "--as-of")
    if moment > datetime.now(UTC):
        raise WrongUsage(f"--as-of {text}: nobody knows the catalog of a time to come")
    return moment


def _show_plan(
    context: "EngineContext", topics: list[str], moment: datetime | None, *, as_json: bool
) -> None:
    from adapters.cli import plans
    from projections.engine.plan import plan
    from projections.engine.scope import scope_of
    from projections.ports.generations import Purpose, Scope

    purpose = Purpose.SERVE if moment is None else Purpose.AS_OF
    scope = scope_of(context.model, topics) if moment is None else Scope(as_of=moment)
    found = plan(context, purpose, scope)
    if as_json:
        print(json.dumps(plans.as_dict(found)))
    else:
        plans.show(found)
    if found.violations:
        raise Unhealthy("history is not whole: a rebuild would be refused without --force")


def _say_frozen(frozen: "Generation", *, as_json: bool) -> None:
    moment = frozen.scope.as_of
    if as_json:
        when = None if moment is None else moment.isoformat()
        print(json.dumps({**_generation(frozen), "as_of": when, "note": frozen.note}))
        return
    print(
        f"generation {frozen.number} is the catalog {frozen.note}; "
        f"`catalog lookup --generation {frozen.number} …` asks it, "
        f"`catalog generations drop {frozen.number}` drops it"
    )


def _say_live(live: "Generation", *, as_json: bool) -> None:
    said = f"generation {live.number} of {live.read_model} is live"
    print(json.dumps(_generation(live)) if as_json else said)


def _generation(generation: "Generation") -> dict[str, object]:
    return {
        "read_model": generation.read_model,
        "generation": generation.number,
        "schema": generation.schema,
        "phase": generation.phase.value,
    }


def _outcome(done: "Rebuilt") -> str:
    what = f"generation {done.generation.number} of {done.generation.read_model}"
    how = " (gone on with after it was stopped)" if done.resumed else ""
    if done.switched:
        return f"{what}{how} is live"
    return f"{what}{how} is {done.generation.phase.value}"

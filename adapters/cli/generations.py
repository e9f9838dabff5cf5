"""`catalog generations`: all generations of the read models, how far each is; and dropping one."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapters.cli.read_models import DEFAULT, Model, OnlyModel

if TYPE_CHECKING:
    from projections.ports.generations import Generation

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add `generations` and what can be done with one."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(generations)
    group.command()(drop)
    app.add_typer(group, name="generations")


def generations(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also those that were dropped.")] = False,
    model: OnlyModel = None,
    as_json: Json = False,
) -> None:
    """Show the generations of the read models.

    Live, kept for rollback, waiting for a switch, being built.
    """
    if context.invoked_subcommand is not None:
        return
    from adapters.cli import tables
    from adapters.composition import databases
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.composition.topology import READ_MODELS, read_model
    from projections.ports.generations import Phase

    models = READ_MODELS if model is None else (read_model(model),)
    endpoints = resolve_endpoints(load_settings(), ("read",))
    found = [one for each in models for one in databases.generations(endpoints, each).all()]
    shown = [one for one in found if every or one.phase is not Phase.DROPPED]
    if as_json:
        print(json.dumps([as_dict(one) for one in shown]))
        return
    tables.show(
        ("read model", "generation", "schema", "phase", "made", "live since", "note"),
        [
            (
                one.read_model,
                one.number,
                one.schema,
                one.phase.value,
                one.created_at,
                one.switched_at,
                _progress(one) or one.note or _scope(one),
            )
            for one in shown
        ],
    )


def drop(
    number: Annotated[int, typer.Argument(help="Which generation; never the live one.")],
    model: Model = DEFAULT,
    as_json: Json = False,
) -> None:
    """Drop a generation that is not live.

    One as of a moment, one kept for rollback, one that was given up.
    """
    from adapters.cli.engine import engine_of
    from adapters.composition.topology import read_model
    from projections.engine import switch

    with engine_of(read_model(model), "catalog generations drop") as (context, _):
        dropped = switch.drop(context, number)
    said = f"generation {number} of {model} is dropped"
    print(json.dumps(as_dict(dropped)) if as_json else said)


def as_dict(one: "Generation") -> dict[str, Any]:
    """A generation for machines; moments in ISO 8601."""

    def moment(name: str) -> str | None:
        value = getattr(one, name)
        return None if value is None else str(value.isoformat())

    return {
        "read_model": one.read_model,
        "number": one.number,
        "schema": one.schema,
        "phase": one.phase.value,
        "purpose": one.purpose.value,
        "as_of": None if one.scope.as_of is None else one.scope.as_of.isoformat(),
        "carried_over": sorted(one.scope.carried),
        "created_at": moment("created_at"),
        "changed_at": moment("changed_at"),
        "switched_at": moment("switched_at"),
        "note": one.note,
        "progress": dict(one.progress),
        "throughput": {
            phase: {"offsets": throughput.offsets, "seconds": round(throughput.seconds, 3)}
            for phase, throughput in one.throughput.items()
        },
    }


def outcome(one: "Generation") -> dict[str, object]:
    """A generation as the outcome of a rebuild or a switch, for machines."""
    return {
        "read_model": one.read_model,
        "generation": one.number,
        "schema": one.schema,
        "phase": one.phase.value,
    }


def _progress(one: "Generation") -> str:
    """How far a running rebuild was when it last said so."""
    from adapters.cli.phases import summary
    from projections.engine.progress import Progress

    progress = Progress.of(one.progress)
    if progress is None:
        return ""
    when = f" ({one.changed_at:%H:%M:%S})" if one.changed_at else ""
    return f"{summary(progress)}{when}"


def _scope(one: "Generation") -> str:
    if one.scope.as_of is not None:
        return f"as of {one.scope.as_of.isoformat()}"
    if one.scope.carried:
        return f"carried over: {', '.join(sorted(one.scope.carried))}"
    return ""

"""`catalog generations`: all generations of the read models, how far each is; and dropping one."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapters.cli.read_models import DEFAULT, Model, OnlyModel

if TYPE_CHECKING:
    from adapters.monitoring.generations import SeenGeneration
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
    from adapters.composition.chain import seen_generations
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings
    from adapters.composition.topology import READ_MODELS, read_model
    from projections.ports.generations import Phase

    models = READ_MODELS if model is None else (read_model(model),)
    endpoints = resolve_endpoints(load_settings(), ("read",))
    found = seen_generations(endpoints, models)
    shown = [one for one in found if every or one.generation.phase is not Phase.DROPPED]
    if as_json:
        print(json.dumps([_seen_as_dict(one) for one in shown]))
        return
    tables.show(
        ("read model", "generation", "schema", "phase", "made", "live since", "note"),
        [
            (
                one.generation.read_model,
                one.generation.number,
                one.generation.schema,
                one.state,
                one.generation.created_at,
                one.generation.switched_at,
                _note(one),
            )
            for one in shown
        ],
    )
    for one in shown:
        if one.is_stopped:
            print(f"generation {one.generation.number}: {one.way_on}", file=sys.stderr)


def drop(
    number: Annotated[int, typer.Argument(help="Which generation; never the live one.")],
    model: Model = DEFAULT,
    as_json: Json = False,
) -> None:
    """Drop a generation that is not live.

    One as of an instant, one kept for rollback, one that was given up.
    """
    from adapters.cli.engine import engine_of
    from adapters.composition.topology import read_model
    from projections.engine import switch

    with engine_of(read_model(model), "catalog generations drop", reads_log=False) as (context, _):
        dropped = switch.drop(context, number)
    said = f"generation {number} of {model} is dropped"
    print(json.dumps(as_dict(dropped)) if as_json else said)


def as_dict(one: "Generation") -> dict[str, Any]:
    """A generation for machines; instants in ISO 8601."""

    def iso(name: str) -> str | None:
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
        "created_at": iso("created_at"),
        "changed_at": iso("changed_at"),
        "switched_at": iso("switched_at"),
        "note": one.note,
        "progress": dict(one.progress),
        "throughput": {
            phase: {"offsets": throughput.offsets, "seconds": round(throughput.seconds, 3)}
            for phase, throughput in one.throughput.items()
        },
    }


def _seen_as_dict(one: "SeenGeneration") -> dict[str, Any]:
    """With what its row alone doesn't tell."""
    since = one.stopped_since
    return {
        **as_dict(one.generation),
        "stopped_since": None if since is None else since.isoformat(),
        "stopped_because": one.why or None,
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


def _note(one: "SeenGeneration") -> str:
    """What sets it apart; why and since when it stopped, how far it is, or what it came to."""
    from adapters.figures import instant

    if one.is_stopped:
        told = f"since {instant(one.stopped_since)} UTC: {one.why}"
    else:
        told = _progress(one.generation) or one.generation.note or ""
    # The note of a generation as of an instant begins with the instant.
    made_for = "" if told.startswith(one.made_for) else one.made_for
    return "; ".join(filter(None, (made_for, told)))

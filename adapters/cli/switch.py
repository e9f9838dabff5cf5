"""`catalog switch` and `catalog rollback`: which generation of a read model is live."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.cli.generations import outcome
from adapters.cli.read_models import DEFAULT, Model

if TYPE_CHECKING:
    from projections.ports.generations import Generation

Json = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(switch)
    app.command()(rollback)


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
    """Make another generation live.

    It is brought up to date first.
    """
    from adapters.cli.engine import engine_of
    from adapters.composition.topology import read_model
    from projections.engine import switch as switching

    with engine_of(read_model(model), "catalog switch") as (context, report):
        live = switching.switch(context, number, force=force, report=report)
    _tell(live, as_json=as_json)


def rollback(model: Model = DEFAULT, as_json: Json = False) -> None:
    """Make the former generation live again.

    It is brought up to date first.
    """
    from adapters.cli.engine import engine_of
    from adapters.composition.topology import read_model
    from projections.engine import switch as switching

    with engine_of(read_model(model), "catalog rollback") as (context, report):
        live = switching.rollback(context, report=report)
    _tell(live, as_json=as_json)


def _tell(live: "Generation", *, as_json: bool) -> None:
    said = f"generation {live.number} of {live.read_model} is live"
    print(json.dumps(outcome(live)) if as_json else said)

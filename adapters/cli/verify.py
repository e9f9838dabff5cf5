"""`catalog verify`: proof that the live rows are what the events say, or where they are not."""

import json
from typing import Annotated

import typer

from adapters.cli.read_models import DEFAULT, Model
from domain.failures import Unhealthy


def register(app: typer.Typer) -> None:
    """Add `verify` to the command."""
    app.command()(verify)


def verify(
    force: Annotated[
        bool, typer.Option("--force", help="Replay although the log's history is not whole.")
    ] = False,
    model: Model = DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Compare the live read model with a replay of all events.

    They are replayed into a scratch generation and compared row by row. The live one goes on
    meanwhile. Rows that were changed, lost or added by hand are shown with the event that last
    wrote them; exit code 3 then.
    """
    from adapters.cli.comparison import as_dict, show
    from adapters.cli.engine import engine_of
    from adapters.composition.topology import read_model
    from projections.engine.rebuild import verify_live

    with engine_of(read_model(model), "catalog verify") as (context, report):
        comparison = verify_live(context, force=force, report=report)
    if as_json:
        print(json.dumps(as_dict(comparison)))
    else:
        show(comparison)
        print(comparison.summary())
    if not comparison.equal:
        raise Unhealthy(
            f"drift: {comparison.summary()}; `catalog rebuild --model {model} "
            "--accept-differences` makes them anew"
        )

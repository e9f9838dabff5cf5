"""`catalog generations`: all generations of the read models, and how far each is."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from adapters.cli.read_models import OnlyModel


def register(app: typer.Typer) -> None:
    """Add `generations` to the command."""
    app.command()(generations)


def generations(
    every: Annotated[bool, typer.Option("--all", help="Also those that were dropped.")] = False,
    model: OnlyModel = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the generations: live, kept for rollback, waiting for a switch, being built."""
    from adapters.endpoints import resolve_endpoints
    from adapters.postgres.generations import PostgresGenerations
    from adapters.read_side import engine_errors
    from adapters.settings import load_settings
    from adapters.topology import READ_MODELS, read_model
    from projections.store import Phase

    models = READ_MODELS if model is None else (read_model(model),)
    dsn = resolve_endpoints(load_settings()).read_dsn
    with engine_errors():
        found = [one for each in models for one in PostgresGenerations(dsn, each).all()]
    shown = [one for one in found if every or one.phase is not Phase.DROPPED]
    if as_json:
        entries = [
            {
                "read_model": one.read_model,
                "number": one.number,
                "schema": one.schema,
                "phase": one.phase.value,
                "purpose": one.purpose.value,
                "created_at": None if one.created_at is None else one.created_at.isoformat(),
                "switched_at": None if one.switched_at is None else one.switched_at.isoformat(),
                "note": one.note,
                "progress": dict(one.progress),
            }
            for one in shown
        ]
        print(json.dumps(entries))
        return
    table = Table(
        "read model", "generation", "schema", "phase", "made", "live since", "note", box=None
    )
    for one in shown:
        moments = (
            f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""
            for moment in (one.created_at, one.switched_at)
        )
        place = (one.read_model, str(one.number), one.schema, one.phase.value)
        table.add_row(*place, *moments, one.note or "")
    Console(width=None if Console().is_terminal else 200, highlight=False).print(table)

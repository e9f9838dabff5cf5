"""`catalog messages`: the feeds and ERN messages that were taken in; withdrawing one."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import psycopg

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Of `catalog messages`.")]


def register(app: typer.Typer) -> None:
    """Add `messages` and what can be done with one."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(messages)
    group.command()(show)
    group.command()(withdraw)
    app.add_typer(group, name="messages")


def messages(
    context: typer.Context,
    status: Annotated[
        str | None,
        typer.Option(help="applied, superseded, test, withdrawn or begun. Default: any."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show so many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List what was taken in, the latest first."""
    if context.invoked_subcommand is not None:
        return
    from adapters.cli import tables
    from adapters.ingestion.withdrawal import taken_in

    with _master() as connection:
        found = taken_in(connection, status, limit)
    if as_json:
        print(json.dumps([asdict(one) for one in found], default=str, ensure_ascii=False))
        return
    tables.show(
        ("id", "kind", "status", "created", "taken in", "releases", "source", "note"),
        [
            (
                one.id,
                one.kind,
                one.status,
                one.created_at,
                one.updated_at,
                len(one.releases),
                one.source,
                one.verdict,
            )
            for one in found
        ],
    )


def show(own_id: Id, as_json: Json = False) -> None:
    """Show one message.

    With the releases of which it is the newest statement.
    """
    from adapters.ingestion.withdrawal import message

    with _master() as connection:
        found = asdict(message(connection, own_id))
    if as_json:
        print(json.dumps(found, default=str, ensure_ascii=False))
        return
    for name, value in found.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        print(f"{name.replace('_', ' ')}: {'' if shown is None else shown}")


def withdraw(own_id: Id, as_json: Json = False) -> None:
    """Take an ERN message back: what it says goes.

    Former and later messages of its releases can then be taken in: `catalog ingest --again`.
    """
    from adapters.ingestion.withdrawal import withdraw as take_back

    with _master() as connection:
        changed = take_back(connection, own_id)
    if as_json:
        print(json.dumps(changed))
        return
    for what, rows in changed.items():
        print(f"{what}: {rows}")
    print("take former messages of its releases in again with --again", file=sys.stderr)


@contextmanager
def _master() -> "Iterator[psycopg.Connection]":
    from adapters.composition.databases import master_connection
    from adapters.composition.endpoints import resolve_endpoints
    from adapters.composition.settings import load_settings

    dsn = resolve_endpoints(load_settings(), need=("master",)).master_dsn
    with master_connection(dsn, "messages") as connection:
        yield connection

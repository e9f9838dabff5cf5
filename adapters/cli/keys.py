"""`catalog keys`: who may use the catalog API."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from domain.failures import WrongUsage

if TYPE_CHECKING:
    import psycopg


def register(app: typer.Typer) -> None:
    """Add `keys` and its commands."""
    keys = typer.Typer(no_args_is_help=True, help="API keys: create, list, revoke.")
    keys.command()(create)
    keys.command(name="list")(list_)
    keys.command()(revoke)
    app.add_typer(keys, name="keys")


def create(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="read, operate; repeatable. Default: read.")
    ] = None,
    rate: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Requests per second, of each process.")
    ] = 100,
) -> None:
    """Make a key and print it.

    It is shown this once; only its hash is kept.
    """
    from adapters.read_database.api_keys import SCOPES, create_key

    scopes = sorted(set(scope or ["read"]))
    if unknown := set(scopes) - set(SCOPES):
        raise WrongUsage(f"no such scope: {min(unknown)}; there are {', '.join(SCOPES)}")
    if not name.strip() or not name.isprintable() or len(name) > 200:
        raise WrongUsage("a key needs a name of 1 to 200 printable characters")
    with _database() as connection:
        key = create_key(connection, name.strip(), scopes, rate)
    print(key)
    print("keep it safe: it can't be shown again", file=sys.stderr)


def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, a key per line.")] = False,
) -> None:
    """List all keys, also those revoked; never the secrets."""
    import msgspec

    from adapters.cli import tables
    from adapters.figures import number
    from adapters.read_database.api_keys import list_keys

    with _database() as connection:
        found = list_keys(connection)
    if as_json:
        for one in found:
            print(msgspec.json.encode(asdict(one)).decode())
        return
    tables.show(
        ("id", "name", "scopes", "requests", "created", "revoked"),
        [
            (
                one.id,
                one.name,
                ", ".join(one.scopes),
                tables.Figure(f"{number(one.rate)}/s"),
                one.created_at,
                one.revoked_at,
            )
            for one in found
        ],
    )


def revoke(id_: Annotated[str, typer.Argument(metavar="ID", help="Of `keys list`.")]) -> None:
    """End a key: it is refused within seconds."""
    from adapters.read_database.api_keys import revoke_key

    with _database() as connection:
        if not revoke_key(connection, id_):
            raise WrongUsage(f"there is no key {id_!r} that works; see `catalog keys list`")
    print(f"{id_} is revoked", file=sys.stderr)


@contextmanager
def _database() -> "Iterator[psycopg.Connection]":
    from adapters.composition.databases import read_connection
    from adapters.composition.endpoints import read_address
    from adapters.composition.settings import load_settings

    with read_connection(read_address(load_settings()), "keys") as connection:
        yield connection

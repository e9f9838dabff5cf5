"""`catalog migrate`: brings the databases to the newest migrations, or says how they differ."""

from typing import Annotated

import typer

from adapters.composition.endpoints import resolve_endpoints
from adapters.composition.settings import load_settings
from domain.failures import Unhealthy


def register(app: typer.Typer) -> None:
    """Add `migrate` to the command."""
    app.command()(migrate)


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 3 where models and tables differ.")
    ] = False,
) -> None:
    """Bring the databases to the newest migrations.

    The master catalog (with what capture needs there: publication and rights), the engine's tables
    and the live read models.
    """
    from adapters.composition.migration import targets
    from adapters.composition.preparation import prepare_master

    settings = load_settings()
    endpoints = resolve_endpoints(settings, ("master", "read"))
    differing = 0
    for target in targets(settings, endpoints):
        name = f"{target.branch} in schema {target.schema}"
        if check:
            differences = target.differences()
            differing += len(differences)
            print(f"{name}: {'; '.join(differences) or 'as the models say'}")
        else:
            print(f"{name}: at {target.upgrade()}")
    if not check:
        prepare_master(settings, endpoints, print)
    if differing:
        raise Unhealthy(f"{differing} differences between models and tables: run `catalog migrate`")

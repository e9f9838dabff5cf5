"""`catalog migrate`: brings the databases to the newest migrations, or says how they differ."""

from typing import Annotated

import typer

from adapters.composition.endpoints import Endpoints, resolve_endpoints
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
    """Bring master catalog, engine tables and the live read catalog to the newest migrations."""
    from migrations import run

    endpoints = resolve_endpoints(load_settings())
    differing = 0
    for branch, dsn, schema in targets(endpoints):
        if check:
            differences = run.check(dsn, branch, schema)
            differing += len(differences)
            print(f"{branch} in schema {schema}: {'; '.join(differences) or 'as the models say'}")
        else:
            run.upgrade(dsn, branch, schema)
            print(f"{branch} in schema {schema}: at {run.current(dsn, branch, schema)}")
    if differing:
        raise Unhealthy(f"{differing} differences between models and tables: run `catalog migrate`")


def targets(endpoints: Endpoints) -> list[tuple[str, str, str]]:
    """(branch, DSN, schema) of all that is migrated in place; generations being built migrate
    themselves. The live read catalog is left out while there is none."""
    import psycopg

    from adapters.composition.topology import MASTER_SCHEMA, READ_MODELS
    from adapters.read_database.generations import ENGINE_SCHEMA

    found = [
        ("master", endpoints.master_dsn, MASTER_SCHEMA),
        ("engine", endpoints.read_dsn, ENGINE_SCHEMA),
    ]
    with psycopg.connect(endpoints.read_dsn) as connection:
        for model in READ_MODELS:
            there = connection.execute("SELECT to_regnamespace(%s)", (model.schema,)).fetchone()
            if there != (None,):
                found.append((model.migration_branch, endpoints.read_dsn, model.schema))
    return found

"""Which branch of migrations belongs where, and the models that each must lead to."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from adapters.composition.databases import read_connection
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.composition.topology import READ_MODELS
from adapters.ingestion.inbox.tables import InboxBatch
from adapters.read_database import tables as engine
from adapters.read_database.generations import ENGINE_SCHEMA
from migrations import run

MODELS: Mapping[str, sa.MetaData] = {
    "engine": engine.METADATA,
    "master": InboxBatch.metadata,  # the tables of inboxes and the catalog's
    **{model.migration_branch: model.projections[0].sql.metadata for model in READ_MODELS},
}
"""Branch → the tables that its revisions must lead to."""


@dataclass(frozen=True)
class Target:
    """A schema that is migrated in place."""

    branch: str
    dsn: str
    schema: str

    def upgrade(self) -> str | None:
        """Bring it to the newest revision, and return that one. Raises Unavailable."""
        run.upgrade(self.dsn, self.branch, self.schema)
        return run.current(self.dsn, self.branch, self.schema)

    def differences(self) -> list[str]:
        """How its tables differ from the models. Raises Unavailable."""
        return run.check(self.dsn, self.schema, MODELS[self.branch])


def targets(settings: Settings, endpoints: Endpoints) -> list[Target]:
    """All that is migrated in place; generations being built migrate themselves.

    A live read model is left out while there is none. Raises Unavailable.
    """
    found = [
        Target("master", endpoints.master_dsn, settings.master.schema_name),
        Target("engine", endpoints.read_dsn, ENGINE_SCHEMA),
    ]
    with read_connection(endpoints.read_dsn, "migrate") as connection:
        for model in READ_MODELS:
            there = connection.execute("SELECT to_regnamespace(%s)", (model.schema,)).fetchone()
            if there != (None,):
                found.append(Target(model.migration_branch, endpoints.read_dsn, model.schema))
    return found

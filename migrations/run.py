"""Runs the migrations of one branch in one schema, from code.

One folder a branch: `engine` (the projection engine's own tables, once a read database), `master`
(once a master database), and one a read model (`read_catalog`, `new_releases`), once for each of
its generations. Their revisions name no schema; where they run is said here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

FOLDER = Path(__file__).parent
METADATA = {
    "engine": "adapters.read_database.tables:METADATA",
    "master": "adapters.ingestion.master.tables:METADATA",
    "new_releases": "projections.new_releases:METADATA",
    "read_catalog": "projections.catalog:METADATA",
}
"""Branch → the SQLAlchemy metadata that its revisions must lead to."""


class UnknownBranch(Exception):
    """There is no folder of migrations of that name."""


def upgrade(dsn: str, branch: str, schema: str, revision: str = "head") -> None:
    """Bring `schema` (made if need be) to `revision`, in one transaction.

    Several processes may do so at the same time: the others wait and find nothing left to do.
    """
    config = _config(branch)
    with _connection(dsn, schema, create=True) as connection:
        config.attributes.update(connection=connection, schema=schema, metadata=metadata_of(branch))
        command.upgrade(config, revision)


def check(dsn: str, branch: str, schema: str) -> list[str]:
    """How the tables in `schema` differ from the models of the branch; empty when they do not."""
    with _connection(dsn, schema) as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "version_table_schema": schema,
                "target_metadata": metadata_of(branch),
                "include_name": lambda name, *_: name != "alembic_version",
            },
        )
        return [str(difference) for difference in compare_metadata(context, metadata_of(branch))]


def current(dsn: str, branch: str, schema: str) -> str | None:
    """The revision that `schema` is at; None before the first."""
    _folder(branch)
    with _connection(dsn, schema) as connection:
        context = MigrationContext.configure(connection, opts={"version_table_schema": schema})
        return context.get_current_revision()


def history(branch: str) -> list[tuple[str, str]]:
    """(revision, what it does), oldest first."""
    scripts = ScriptDirectory.from_config(_config(branch))
    revisions = [(script.revision, script.doc) for script in scripts.walk_revisions()]
    return revisions[::-1]


def newest(branch: str) -> str | None:
    """The revision that the branch leads to."""
    return ScriptDirectory.from_config(_config(branch)).get_current_head()


def metadata_of(branch: str) -> sa.MetaData:
    """The models of a branch. Raises UnknownBranch."""
    _folder(branch)
    module, attribute = METADATA[branch].split(":")
    metadata = getattr(import_module(module), attribute)
    if not isinstance(metadata, sa.MetaData):
        raise TypeError(f"{METADATA[branch]} is no SQLAlchemy MetaData")
    return metadata


def _folder(branch: str) -> Path:
    folder = FOLDER / branch
    if branch not in METADATA or not folder.is_dir():
        raise UnknownBranch(f"no migrations are called {branch!r}; there are {sorted(METADATA)}")
    return folder


def _config(branch: str) -> Config:
    config = Config()
    config.set_main_option("script_location", _escaped(FOLDER))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", _escaped(_folder(branch)))
    return config


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")  # alembic's configuration interpolates


@contextmanager
def _connection(dsn: str, schema: str, *, create: bool = False) -> Iterator[sa.Connection]:
    """A transaction whose unqualified names mean `schema`."""
    engine = sa.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=sa.NullPool
    )
    quoted = '"' + schema.replace('"', '""') + '"'
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT set_config('lock_timeout', '30s', true)"))
        if create:
            connection.execute(
                sa.text("SELECT pg_advisory_xact_lock(hashtextextended('migrate ' || :schema, 0))"),
                {"schema": schema},
            )
            connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {quoted}"))
        connection.execute(
            sa.text("SELECT set_config('search_path', :path, true)"), {"path": f"{quoted}, public"}
        )
        connection.dialect.default_schema_name = schema
        yield connection

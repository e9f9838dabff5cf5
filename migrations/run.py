"""Runs the migrations of one branch in one schema, from code.

One folder a branch: `engine` (the projection engine's own tables, once a read database), `master`
(once a master database), and one a read model (`read_catalog`, `new_releases`), once for each of
its generations. Their revisions name no schema; where they run is said here.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict

from domain.failures import Misconfigured, Unavailable

FOLDER = Path(__file__).parent


class UnknownBranch(Exception):
    """There is no folder of migrations of that name."""


def upgrade(dsn: str, branch: str, schema: str, revision: str = "head") -> None:
    """Bring `schema` (made if need be) to `revision`, in one transaction.

    Several processes may do so at the same time: the others wait and find nothing left to do.
    Raises UnknownBranch, Misconfigured where the schema holds tables of somebody else, and
    Unavailable where the database can't be reached or used.
    """
    config = _config(branch)
    with _foreign_tables(dsn, schema), _connection(dsn, schema, create=True) as connection:
        config.attributes.update(connection=connection, schema=schema)
        command.upgrade(config, revision)


def check(dsn: str, schema: str, metadata: sa.MetaData) -> list[str]:
    """How the tables in `schema` differ from their models; empty when they do not.

    Raises Unavailable where the database can't be reached.
    """
    with _connection(dsn, schema) as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "version_table_schema": schema,
                "target_metadata": metadata,
                "include_name": lambda name, *_: name != "alembic_version",
            },
        )
        return [str(difference) for difference in compare_metadata(context, metadata)]


def current(dsn: str, branch: str, schema: str) -> str | None:
    """The revision that `schema` is at; None before the first. Raises Unavailable."""
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


def branches() -> list[str]:
    """The names of all branches."""
    return sorted(file.parent.name for file in FOLDER.glob("*/*0001_*.py"))


def _folder(branch: str) -> Path:
    if branch not in branches():
        raise UnknownBranch(f"no migrations are called {branch!r}; there are {branches()}")
    return FOLDER / branch


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
    quoted = sql.Identifier(schema).as_string()
    with _database_errors(dsn), engine.begin() as connection:
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


@contextmanager
def _foreign_tables(dsn: str, schema: str) -> Iterator[None]:
    """Say in one sentence that a schema is somebody else's; nothing of it was touched."""
    try:
        yield
    except (sa.exc.ProgrammingError, CommandError) as error:
        cause = getattr(error, "orig", None)
        if isinstance(cause, errors.DuplicateTable):
            named = re.search('"(.+)"', cause.diag.message_primary or "")
            what = f"a table {named[1] if named else ''} already"
        elif isinstance(error, CommandError) and "Can't locate revision" in str(error):
            what = "migrations (alembic_version) of another application, or of a newer version"
        else:
            raise
        raise Misconfigured(
            f"the schema {schema} of the database {_named(dsn)} has {what}, which isn't ours: take"
            " an empty database of its own; a master that exists is taken in by `catalog source`"
        ) from error


@contextmanager
def _database_errors(dsn: str) -> Iterator[None]:
    """Say in one sentence which database is away, full or busy: nothing is wrong with us."""
    try:
        yield
    except (sa.exc.OperationalError, psycopg.OperationalError) as error:
        cause = error.orig if isinstance(error, sa.exc.OperationalError) else error
        reason = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
        raise Unavailable(f"the database {_named(dsn)} can't be migrated: {reason}") from error


def _named(dsn: str) -> str:
    """Where a database is, without who asks and by which password."""
    parts = conninfo_to_dict(dsn)
    host, port, name = (parts.get(part) for part in ("host", "port", "dbname"))
    return f"{name or 'postgres'} on {host or 'localhost'}:{port or 5432}"

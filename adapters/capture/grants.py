"""What capture needs of the master's owner: a publication, and a role that may read and no more.

The connector itself owns nothing and makes nothing in the master, so its role needs LOGIN,
REPLICATION and SELECT on what it captures. (Debezium, PostgreSQL connector, "Setting up
permissions": a publication that the administrator made, `publication.autocreate.mode=disabled`.)
Each step may be repeated, and asks for rights only where something is missing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from adapters.capture.slots import MasterProblem

_UNPUBLISHED = """
    SELECT name FROM unnest(%(tables)s::text[]) name
    WHERE name NOT IN (SELECT tablename FROM pg_publication_tables
                       WHERE pubname = %(publication)s AND schemaname = %(schema)s)"""
_UNREADABLE = """
    SELECT name FROM unnest(%(tables)s::text[]) name
    WHERE NOT has_table_privilege(%(role)s, format('%%I.%%I', %(schema)s::text, name), 'SELECT')"""


@dataclass(frozen=True, slots=True)
class CaptureRights:
    """What of the master is captured, and by whom."""

    tables: Sequence[str]
    schema: str
    publication: str
    role: str | None = None
    """Who reads; None: whoever owns the tables, who needs no right of ours."""
    via_root: bool = False
    """Changes of partitions come as those of the table that they are parts of."""


def publish(connection: psycopg.Connection, rights: CaptureRights) -> list[str]:
    """Make the publication, or add what it lacks; returns the tables that were not in it.

    Raises MasterProblem where a table is missing or the user isn't its owner.
    """
    asked = {
        "tables": list(rights.tables),
        "publication": rights.publication,
        "schema": rights.schema,
    }
    with _told(f"the publication {rights.publication}"):
        missing = [name for (name,) in connection.execute(_UNPUBLISHED, asked)]
        if missing:
            there = connection.execute(
                "SELECT FROM pg_publication WHERE pubname = %s", (rights.publication,)
            ).fetchone()
            how: LiteralString = (
                "CREATE PUBLICATION {} FOR TABLE {}"
                if there is None
                else "ALTER PUBLICATION {} ADD TABLE {}"
            )
            listed = sql.SQL(", ").join(sql.Identifier(rights.schema, name) for name in missing)
            name = sql.Identifier(rights.publication)
            via = " WITH (publish_via_partition_root = true)"
            how = how + via if rights.via_root and there is None else how
            connection.execute(sql.SQL(how).format(name, listed))
    return missing


def make_role(connection: psycopg.Connection, role: str, password: str) -> None:
    """Make a role that may log in and replicate, or give it this password. Raises MasterProblem."""
    with _told(f"the role {role}"):
        there = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        how = (
            "CREATE ROLE {} LOGIN REPLICATION PASSWORD {}"
            if there is None
            else "ALTER ROLE {} LOGIN REPLICATION PASSWORD {}"
        )
        connection.execute(sql.SQL(how).format(sql.Identifier(role), sql.Literal(password)))


def let_read(connection: psycopg.Connection, rights: CaptureRights) -> None:
    """Let the role read what is captured, as far as it may not yet.

    Raises MasterProblem where there is no such role, or the user isn't the tables' owner.
    """
    role = rights.role
    if role is None:
        return
    found = connection.execute(
        "SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = %s", (role,)
    ).fetchone()
    if found != (True,):
        raise MasterProblem(
            f"the master has no role {role} that may replicate (CATALOG_CONNECT__USER): as its"
            f" administrator CREATE ROLE {role} LOGIN REPLICATION PASSWORD '…', or ALTER it so"
        )
    asked = {"tables": list(rights.tables), "role": role, "schema": rights.schema}
    with _told(f"the rights of {role}"):
        unreadable = [name for (name,) in connection.execute(_UNREADABLE, asked)]
        if unreadable:
            schema, reader = sql.Identifier(rights.schema), sql.Identifier(role)
            listed = sql.SQL(", ").join(sql.Identifier(rights.schema, name) for name in unreadable)
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, reader))
            connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(listed, reader))


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Say what could not be had of the master, and why; that it is away is said elsewhere."""
    try:
        yield
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)
        cure = (
            "run `catalog migrate`"
            if isinstance(error, psycopg.errors.UndefinedTable)
            else "let its tables' owner prepare capture once (CATALOG_MASTER__URL)"
        )
        raise MasterProblem(f"{what} can't be had in the master ({said}): {cure}") from error

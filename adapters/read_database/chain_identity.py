"""Which chain a database belongs to: an id that lies in the master's and in the read database.

In a schema of its own, which no migration and no generation touches. A dump takes it along; so the
place where it was written stands beside it: the server's system identifier, which initdb draws and
replicas share (PostgreSQL, "pg_control_system"), and the database's number in it. A copy of the
server's files is not told from its original.
"""

from dataclasses import dataclass

import psycopg
from psycopg import errors

_MAKE = """
    CREATE SCHEMA IF NOT EXISTS catalog_chain;
    CREATE TABLE IF NOT EXISTS catalog_chain.identity (
        only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
        id text NOT NULL,
        named_at timestamptz NOT NULL DEFAULT now()
    );
    ALTER TABLE catalog_chain.identity ADD COLUMN IF NOT EXISTS place text"""
_HERE = """
    SELECT s.system_identifier || '/' || d.oid FROM pg_control_system() AS s, pg_database AS d
    WHERE d.datname = current_database()"""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a database says of its chain."""

    chain: str
    is_copy: bool
    """Whether it was written down in another database: a dump took it along."""
    is_placed: bool
    """Whether it says where it was written down, as far as the server tells that."""


def chain_of(connection: psycopg.Connection) -> Identity | None:
    """What the database says of its chain; None where it was given none. Raises what psycopg
    raises."""
    there = connection.execute("SELECT to_regclass('catalog_chain.identity')").fetchone()
    if there == (None,):
        return None
    found = connection.execute(
        "SELECT id, to_jsonb(identity) ->> 'place' FROM catalog_chain.identity"
    ).fetchone()
    if found is None:
        return None
    chain, place = found
    here = _here(connection)
    return Identity(
        chain=str(chain),
        is_copy=None not in (place, here) and place != here,
        is_placed=place is not None or here is None,
    )


def name_chain(connection: psycopg.Connection, chain: str) -> None:
    """Give the database to this chain. Raises what psycopg raises."""
    here = _here(connection)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('catalog_chain', 0))")
        connection.execute(_MAKE)
        connection.execute(
            "INSERT INTO catalog_chain.identity (id, place) VALUES (%s, %s) ON CONFLICT (only_one)"
            " DO UPDATE SET id = excluded.id, place = excluded.place, named_at = now()",
            (chain, here),
        )


def _here(connection: psycopg.Connection) -> str | None:
    """Which database this is; None where the server doesn't say so to us."""
    try:
        with connection.transaction():
            found = connection.execute(_HERE).fetchone()
    except errors.InsufficientPrivilege:
        return None
    return None if found is None else str(found[0])

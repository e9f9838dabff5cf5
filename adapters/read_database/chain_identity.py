"""Which chain a database belongs to: an id that lies in the master's and in the read database.

In a schema of its own, which no migration and no generation touches; a dump takes it along.
"""

import psycopg

_MAKE = """
    CREATE SCHEMA IF NOT EXISTS catalog_chain;
    CREATE TABLE IF NOT EXISTS catalog_chain.identity (
        only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
        id text NOT NULL,
        named_at timestamptz NOT NULL DEFAULT now()
    )"""


def chain_of(connection: psycopg.Connection) -> str | None:
    """The id of the chain; None where the database was given none. Raises what psycopg raises."""
    there = connection.execute("SELECT to_regclass('catalog_chain.identity')").fetchone()
    if there == (None,):
        return None
    found = connection.execute("SELECT id FROM catalog_chain.identity").fetchone()
    return None if found is None else str(found[0])


def name_chain(connection: psycopg.Connection, chain: str) -> None:
    """Give the database to this chain. Raises what psycopg raises."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('catalog_chain', 0))")
        connection.execute(_MAKE)
        connection.execute(
            "INSERT INTO catalog_chain.identity (id) VALUES (%s)"
            " ON CONFLICT (only_one) DO UPDATE SET id = excluded.id, named_at = now()",
            (chain,),
        )

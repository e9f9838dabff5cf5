"""The sources that a master database has: what each is defined as, and how it is with it.

The definition lies beside the replica, so that whoever follows a source needs no folder, and what
is followed is what was applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from adapters.source.definition import Source
from adapters.source.folder import parse
from domain.failures import WrongUsage

LOADING = "loading"
"""It is being brought up, or its mapping changed: `apply` ends it."""
LIVE = "live"


@dataclass(frozen=True)
class Registered:
    """A source as the master database knows it."""

    source: Source
    files: Mapping[str, str]
    state: str
    """LOADING or LIVE."""
    stopped: str | None
    """Why it, or one of its topics, can't go on."""
    changed_at: datetime | None
    """When a change of it was last taken in."""


def names(connection: psycopg.Connection) -> list[str]:
    """Names of all sources that were applied."""
    rows = connection.execute(
        "SELECT substr(n.nspname, 8) FROM pg_namespace n JOIN pg_class c"
        " ON c.relnamespace = n.oid AND c.relname = '__source'"
        " WHERE n.nspname LIKE 'source\\_%' ORDER BY 1"
    )
    return [name for (name,) in rows]


def find(connection: psycopg.Connection, name: str) -> Registered | None:
    """A source by its name; None where it was never applied."""
    if name not in names(connection):
        return None
    row = connection.execute(
        sql.SQL("SELECT files, state, stopped, changed_at FROM {}").format(_table(name))
    ).fetchone()
    if row is None:
        return None
    files, state, stopped, changed_at = row
    return Registered(parse(files, name), files, state, stopped, changed_at)


def known(connection: psycopg.Connection, name: str) -> Registered:
    """A source by its name. Raises WrongUsage where there is none."""
    found = find(connection, name)
    if found is None:
        there = ", ".join(names(connection)) or "none"
        raise WrongUsage(f"no source {name} is applied; there are: {there}")
    return found


def define(connection: psycopg.Connection, source: Source, files: Mapping[str, str]) -> None:
    """Remember a definition, as one that is being loaded. The replica must be there."""
    connection.execute(sql.SQL("DELETE FROM {}").format(_table(source.name)))
    connection.execute(
        sql.SQL("INSERT INTO {} (files, fingerprint, state) VALUES (%s, %s, %s)").format(
            _table(source.name)
        ),
        (Jsonb(dict(files)), source.fingerprint, LOADING),
    )


def is_current(connection: psycopg.Connection, source: Source) -> bool:
    """Whether a source is still defined so; where nothing is defined it is."""
    return _defined(connection, source) in (None, source.fingerprint)


def is_followed(connection: psycopg.Connection, source: Source) -> bool:
    """Whether it is still defined so, and live."""
    if _defined(connection, source) != source.fingerprint:
        return False
    row = connection.execute(sql.SQL("SELECT state FROM {}").format(_table(source.name))).fetchone()
    return row is not None and row[0] == LIVE


def _defined(connection: psycopg.Connection, source: Source) -> str | None:
    """The fingerprint of its definition; None where nothing is defined, empty without replica."""
    there = connection.execute(
        "SELECT to_regclass(%s)", (_table(source.name).as_string(connection),)
    ).fetchone()
    if there is None or there[0] is None:
        return ""
    row = connection.execute(
        sql.SQL("SELECT fingerprint FROM {}").format(_table(source.name))
    ).fetchone()
    return None if row is None else str(row[0])


def set_state(connection: psycopg.Connection, source: Source, state: str) -> None:
    """It is LOADING or LIVE from now on."""
    connection.execute(
        sql.SQL("UPDATE {} SET state = %s, stopped = NULL").format(_table(source.name)), (state,)
    )


def stop(connection: psycopg.Connection, source: Source, reason: str | None) -> None:
    """Remember why it can't go on; None: it goes on."""
    connection.execute(
        sql.SQL("UPDATE {} SET stopped = %s WHERE stopped IS DISTINCT FROM %s").format(
            _table(source.name)
        ),
        (reason, reason),
    )


def note_change(connection: psycopg.Connection, source: Source) -> None:
    """A change was taken in just now."""
    connection.execute(sql.SQL("UPDATE {} SET changed_at = now()").format(_table(source.name)))


def _table(name: str) -> sql.Identifier:
    return sql.Identifier(f"source_{name}", "__source")

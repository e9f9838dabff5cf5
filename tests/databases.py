"""Databases of a test's own, on the one server of the run.

A migration takes some half a second, and several hundred tests want migrated tables: so each
combination is migrated once, into a database that all others are copied from.
"""

import secrets
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

import psycopg

from migrations import run

Migrated = tuple[str, str]
"""A branch of migrations, and the schema in which it ran: `("master", "public")`."""
MASTER: Migrated = ("master", "public")
READ_CATALOG: Migrated = ("read_catalog", "catalog")


@dataclass
class Databases:
    """Makes and drops databases on a server."""

    dsn: str
    """Of a database on it that stays."""
    _templates: dict[tuple[Migrated, ...], str] = field(default_factory=dict)

    def create(self, *migrated: Migrated) -> str:
        """DSN of a new database, with the tables of these migrations in this order."""
        return self._create(self._template(migrated) if migrated else None)

    def drop(self, dsn: str) -> None:
        """Drop a database, whoever is connected to it."""
        self._execute(f"DROP DATABASE {_name_of(dsn)} WITH (FORCE)")

    def _template(self, migrated: tuple[Migrated, ...]) -> str:
        if migrated not in self._templates:
            dsn = self._create(None)
            for branch, schema in migrated:
                run.upgrade(dsn, branch, schema)
            self._templates[migrated] = _name_of(dsn)
        return self._templates[migrated]

    def _create(self, template: str | None) -> str:
        name = f"test_{secrets.token_hex(6)}"
        self._execute(f"CREATE DATABASE {name}{f' TEMPLATE {template}' if template else ''}")
        return urlunsplit(urlsplit(self.dsn)._replace(path=f"/{name}"))

    def _execute(self, statement: str) -> None:
        with closing(psycopg.connect(self.dsn, autocommit=True)) as connection:
            connection.execute(statement.encode())


def _name_of(dsn: str) -> str:
    return urlsplit(dsn).path.removeprefix("/")

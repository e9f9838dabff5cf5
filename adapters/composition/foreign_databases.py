"""What is asked of a foreign master's own database, whichever it is: tables, settings, rows.

A database that isn't known here, or whose address isn't set, is asked nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import psycopg
import pymysql
from pymysql.constants import CLIENT

from adapters.composition import source_capture
from adapters.composition.databases import READ_ONLY, source_connection
from adapters.composition.settings import Settings
from adapters.source import folder, mariadb, mariadb_rows, postgres
from adapters.source.definition import Source
from adapters.source.inspection import Columns
from adapters.source.postgres import FoundTable
from domain.failures import Misconfigured, Unavailable

_SECONDS = 30
Differing = Callable[[psycopg.Connection, str], int]
"""How many of a table's rows lie where replica and source differ."""


def tables(settings: Settings, name: str, schema: str) -> tuple[str, str, list[FoundTable]]:
    """Connector, database and tables of a source that has only an address yet.

    Raises Misconfigured, Unavailable.
    """
    address = source_capture.required_address(settings, name)
    connector = urlsplit(address).scheme
    database = unquote(urlsplit(address).path.removeprefix("/"))
    if connector in mariadb.CONNECTORS:
        with foreign_connection(address, name) as opened:
            return connector, database, mariadb.tables(opened, connector, database)
    with source_connection(address, name, "init", READ_ONLY) as origin:
        return "postgresql", database, postgres.tables(origin, schema)


def faults(settings: Settings, source: Source) -> list[str]:
    """What at its server stands in the way of capture. Raises Misconfigured, Unavailable."""
    dsn = source_capture.address(settings, source.name)
    if dsn is not None and source.connector == "postgresql":
        with source_connection(dsn, source.name, "check", READ_ONLY) as origin:
            return postgres.faults(origin)
    if dsn is not None and source.connector in mariadb.CONNECTORS:
        with foreign_connection(dsn, source.name) as opened:
            return mariadb.faults(opened)
    return []


def columns_of(settings: Settings, source: Source) -> Columns:
    """Table → column → type of its replica: as source.toml says, or else as its database says.

    Raises Misconfigured, Unavailable.
    """
    dsn = source_capture.address(settings, source.name)
    if dsn is not None and source.connector == "postgresql":
        with source_connection(dsn, source.name, "columns", READ_ONLY) as origin:
            return postgres.columns(origin, source)
    if dsn is not None and source.connector in mariadb.CONNECTORS:
        with foreign_connection(dsn, source.name) as opened:
            return mariadb.columns(opened, source)
    untold = [table.name for table in source.tables.values() if not table.columns]
    if untold and source.connector in ("postgresql", *mariadb.CONNECTORS):
        source_capture.required_address(settings, source.name)
    if untold:
        raise Misconfigured(
            f"{folder.SETTINGS}: tables.{untold[0]} needs columns: its database isn't asked"
            ' ([tables.<name>.columns] <column> = "<PostgreSQL type>")'
        )
    return {table.name: table.columns for table in source.tables.values()}


def copy_rows(
    settings: Settings, master: psycopg.Connection, source: Source, most: int
) -> list[str]:
    """Copy some rows of each table into the replica, for a look; returns the tables with more.

    Raises Misconfigured, Unavailable.
    """
    dsn = source_capture.address(settings, source.name)
    if dsn is not None and source.connector == "postgresql":
        with source_connection(dsn, source.name, "look", READ_ONLY) as origin:
            origin.execute("SET statement_timeout = '60s'")
            return postgres.copy_rows(origin, master, source, most)
    if dsn is not None and source.connector in mariadb.CONNECTORS:
        with foreign_connection(dsn, source.name) as opened:
            return mariadb_rows.copy_rows(opened, master, source, most)
    return []


@contextmanager
def comparing(settings: Settings, source: Source) -> Iterator[Differing | None]:
    """Compares the replica with the source's own tables; None where these can't be asked.

    Raises Misconfigured, Unavailable.
    """
    dsn = source_capture.address(settings, source.name)
    if dsn is not None and source.connector == "postgresql":
        with source_connection(dsn, source.name, "verify") as origin:
            yield lambda master, table: postgres.differing(master, origin, source, table)
    elif dsn is not None and source.connector in mariadb.CONNECTORS:
        with foreign_connection(dsn, source.name) as opened:
            yield lambda master, table: mariadb_rows.differing(master, opened, source, table)
    else:
        yield None


def has_tables(address: str, name: str) -> bool:
    """Whether the database at the address holds any table. Raises Unavailable, Misconfigured."""
    with foreign_connection(address, name) as opened:
        return mariadb.has_tables(opened, unquote(urlsplit(address).path.removeprefix("/")))


def execute(address: str, name: str, script: str) -> None:
    """Run statements, as of the sample, and commit. Raises Unavailable, Misconfigured."""
    with foreign_connection(address, name, writes=True) as opened, opened.cursor() as cursor:
        cursor.execute(script)
        while cursor.nextset():
            pass
        opened.commit()


@contextmanager
def foreign_connection(
    address: str, name: str, *, writes: bool = False
) -> Iterator[pymysql.Connection]:
    """A connection to the database at `mariadb://user:password@host:3306/database`.

    It only reads, but for who `writes`, and may then run several statements at once.
    Raises Unavailable, Misconfigured.
    """
    at = urlsplit(address)
    try:
        opened = pymysql.connect(
            host=at.hostname or "",
            port=at.port or 3306,
            user=unquote(at.username or ""),
            password=unquote(at.password or ""),
            database=at.path.removeprefix("/") or None,
            charset="utf8mb4",
            connect_timeout=5,
            read_timeout=_SECONDS,
            write_timeout=_SECONDS,
            init_command=None if writes else "SET SESSION TRANSACTION READ ONLY",
            client_flag=CLIENT.MULTI_STATEMENTS if writes else 0,
        )
    except pymysql.err.OperationalError as error:
        code, said = error.args[0], error.args[-1]
        if code in (1044, 1045, 1049):
            raise Misconfigured(
                f"the database of the source {name} lets us not in: {said}"
            ) from None
        raise Unavailable(f"the database of the source {name} doesn't answer: {said}") from None
    try:
        yield opened
    except pymysql.err.OperationalError as error:
        raise Unavailable(f"the database of the source {name}: {error.args[-1]}") from None
    finally:
        opened.close()

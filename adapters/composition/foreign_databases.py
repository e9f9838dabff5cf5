"""Connections to foreign masters that aren't PostgreSQL: to ask for tables, keys and settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import pymysql

from domain.failures import Misconfigured, Unavailable

_SECONDS = 30


@contextmanager
def foreign_connection(address: str, name: str) -> Iterator[pymysql.Connection]:
    """A read-only connection to the database at `mariadb://user:password@host:3306/database`.

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
            init_command="SET SESSION TRANSACTION READ ONLY",
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

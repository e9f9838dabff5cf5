"""Connections for what wants to open them itself."""

from collections.abc import Callable

import psycopg


def opening(dsn: str) -> Callable[[], psycopg.Connection]:
    """Opens connections in autocommit mode."""
    return lambda: psycopg.connect(dsn, autocommit=True)

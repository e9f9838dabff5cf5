"""One database and one server for the tests that only read."""

import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest

from adapters.api.server import Serving, application
from adapters.composition.endpoints import Endpoints
from tests.adapters.api.records import fill
from tests.adapters.api.serving import prepare, serving


@pytest.fixture(scope="module")
def read_dsn(engines: Endpoints) -> Iterator[str]:
    """DSN of a database with the small catalog."""
    name = f"test_{secrets.token_hex(6)}"
    dsn = urlunsplit(urlsplit(engines.read_dsn)._replace(path=f"/{name}"))
    with psycopg.connect(engines.read_dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        prepare(dsn, generation=7)
        with psycopg.connect(dsn) as filling:
            fill(filling)
        yield dsn
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def client(read_dsn: str) -> Iterator[httpx.Client]:
    """Asks a server that is open, over the small catalog."""
    with serving(application(Serving(read_dsn, is_open=True))) as client:
        yield client

"""PostgreSQL alone, for what needs neither Kafka nor Connect."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import psycopg
import pytest

from adapters.embedded import postgres
from adapters.embedded.processes import choose_port
from adapters.embedded.state import own_data_folder
from migrations import run


@pytest.fixture(scope="package")
def server() -> Iterator[postgres.Server]:
    """A PostgreSQL server of these tests' own."""
    with TemporaryDirectory(prefix="catalog-source-") as folder:
        Path(folder).chmod(0o711)
        with own_data_folder(Path(folder) / "data", fresh=False) as data:
            port = choose_port(None, "postgres", None, set())
            process, server = postgres.start_postgres(data, port)
            try:
                postgres.await_postgres(process, server, Event())
                yield server
            finally:
                process.ask_to_stop()
                process.await_stop(30)


@pytest.fixture
def empty_database(server: postgres.Server) -> Iterator[str]:
    """DSN of an empty database."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server.url(postgres.USER), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield server.url(name)
    with psycopg.connect(server.url(postgres.USER), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def master_database(empty_database: str) -> str:
    """DSN of an empty master catalog."""
    run.upgrade(empty_database, "master", "public")
    return empty_database

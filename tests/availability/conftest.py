"""Two databases: a master that takes messages in, and a read catalog that is filled from it."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from adapters.composition.endpoints import Endpoints
from migrations import run
from tests.adapters.ingestion.master import Master
from tests.availability.asking import Asker
from tests.catalog_rows import make_catalog
from tests.master_to_read import carry


@pytest.fixture(scope="module")
def make_asker(engines: Endpoints) -> Iterator[Callable[[list[Path]], Asker]]:
    """Takes messages in, one after another, and gives who can be asked about them."""
    made: list[str] = []

    def new(kind: str) -> str:
        name = f"test_{kind}_{secrets.token_hex(6)}"
        with psycopg.connect(engines.read_dsn, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        made.append(name)
        return urlunsplit(urlsplit(engines.read_dsn)._replace(path=f"/{name}"))

    def make(messages: list[Path]) -> Asker:
        master, read = Master(new("master")), new("read")
        run.upgrade(master.dsn, "master", "public")
        for message in messages:
            master.ingest(message)
        make_catalog(read)
        carry(master.dsn, read)
        return Asker(master, read)

    yield make
    with psycopg.connect(engines.read_dsn, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

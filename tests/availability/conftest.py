"""Two databases: a master that takes messages in, and a read catalog that is filled from it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from adapters.read_database.gate import name_generation
from tests.adapters.ingestion.master import Master
from tests.availability.asking import Asker
from tests.databases import MASTER, READ_CATALOG, Databases
from tests.master_to_read import carry


@pytest.fixture(scope="module")
def make_asker(databases: Databases) -> Iterator[Callable[[list[Path]], Asker]]:
    """Takes messages in, one after another, and gives who can be asked about them."""
    made: list[str] = []

    def make(messages: list[Path]) -> Asker:
        master, read = Master(databases.create(MASTER)), databases.create(READ_CATALOG)
        made.extend((master.dsn, read))
        for message in messages:
            master.ingest(message)
        with psycopg.connect(read) as connection:
            name_generation(connection, "catalog", 1)
        carry(master.dsn, read)
        return Asker(master, read)

    yield make
    for dsn in made:
        databases.drop(dsn)

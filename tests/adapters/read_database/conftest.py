"""A chain over a read database of its own, for whoever asks for one."""

from collections.abc import Iterator

import pytest

from tests.adapters.read_database.postgres_chain import PostgresChain


@pytest.fixture
def chain(database: str) -> Iterator[PostgresChain]:
    """An empty read database and log."""
    chain = PostgresChain(dsn=database)
    yield chain
    chain.close()

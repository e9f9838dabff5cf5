"""A master catalog of the test's own, empty."""

from collections.abc import Iterator

import pytest

from tests.adapters.ingestion.master import Master
from tests.databases import MASTER, Databases


@pytest.fixture
def master(databases: Databases) -> Iterator[Master]:
    """An empty, migrated master catalog."""
    dsn = databases.create(MASTER)
    yield Master(dsn)
    databases.drop(dsn)

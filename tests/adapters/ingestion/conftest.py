"""A master catalog of the test's own, empty."""

import pytest

from migrations import run
from tests.adapters.ingestion.master import Master


@pytest.fixture
def master(database: str) -> Master:
    """An empty, migrated master catalog."""
    run.upgrade(database, "master", "public")
    return Master(database)

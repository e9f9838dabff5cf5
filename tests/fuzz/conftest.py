"""How much is fuzzed."""

import pytest

from tests.chain.size import Size, chosen


@pytest.fixture(scope="session")
def size() -> Size:
    """Little in every test run, much when acceptance is measured."""
    return chosen()

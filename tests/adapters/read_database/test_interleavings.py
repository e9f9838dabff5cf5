"""The engine's state machine once more, with PostgreSQL under it."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.adapters.read_database.postgres_chain import FlakyPostgresStore, PostgresChain
from tests.projections.engine.chain import MODEL, Chain
from tests.projections.engine.test_interleavings import Interleavings

pytestmark = pytest.mark.integration


def test_any_interleaving_ends_as_a_plain_replay(database: str) -> None:
    class PostgresInterleavings(Interleavings):
        def set_up(self) -> tuple[Chain, Sequence[Any]]:
            self.opened = [FlakyPostgresStore(database, MODEL) for _ in range(3)]
            return PostgresChain(dsn=database), self.opened

        def readers_in_the_way(self, count: int) -> None:
            """Real readers are in test_switch.py."""

        def teardown(self) -> None:
            try:
                super().teardown()
            finally:
                self.chain.close()
                for store in self.opened:
                    store.close()

    run_state_machine_as_test(
        PostgresInterleavings,
        settings=settings(
            max_examples=4,
            stateful_step_count=20,
            suppress_health_check=list(HealthCheck),
        ),
    )

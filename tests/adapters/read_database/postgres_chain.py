"""The engine's test chain with PostgreSQL as the read database; log and group stay in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from adapters.read_database.dead_letters import PostgresDeadLetters
from adapters.read_database.generations import PostgresGenerations
from adapters.read_database.read_store import PostgresReadStore
from adapters.read_database.switch import HeldLive
from projections.ports.dead_letters import DeadLetters
from projections.ports.generations import Generations
from projections.ports.read_store import ReadStore
from tests.projections.engine.chain import MODEL, Chain, Flaky


class FlakyPostgresStore(Flaky, PostgresReadStore):
    """On a real connection."""


class WatchedGenerations(PostgresGenerations):
    """Tells whether workers are held off."""

    is_held = False

    @contextmanager
    def hold_live(self) -> Iterator[HeldLive]:
        """See the port."""
        with super().hold_live() as held:
            self.is_held = True
            try:
                yield held
            finally:
                self.is_held = False


@dataclass
class PostgresChain(Chain):
    """Needs `dsn`: a database of its own, emptied at the start."""

    dsn: str = ""

    def __post_init__(self) -> None:
        """Empty the database and make the engine's tables."""
        self._generations = WatchedGenerations(self.dsn, MODEL)
        self._store = PostgresReadStore(self.dsn, MODEL)
        self._dead_letters = PostgresDeadLetters(self.dsn, MODEL.name)
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            names = connection.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'catalog%'"
            ).fetchall()
            for (name,) in names:
                connection.execute(f'DROP SCHEMA "{name}" CASCADE')
            self._generations.migrate()
            connection.execute(
                "TRUNCATE engine.generation, engine.checkpoint, engine.dead_letter, "
                "engine.discarded"
            )

    def store(self) -> ReadStore:
        """One for all that runs between two steps of a worker."""
        return self._store

    def generations(self) -> Generations:
        """See the base."""
        return self._generations

    def dead_letters(self) -> DeadLetters:
        """See the base."""
        return self._dead_letters

    @property
    def is_held(self) -> bool:
        """See the base."""
        return self._generations.is_held

    def close(self) -> None:
        """Give the connections back."""
        self._store.close()
        self._dead_letters.close()

"""The switch of two generations, in one transaction that no worker and no reader falls into.

Workers are held off by a lock that each of their transactions shares; how readers are is told in
`gate`.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg

from adapters.read_database import generation_rows
from adapters.read_database.connection import connect, quoted
from adapters.read_database.gate import Gate, gate
from adapters.read_database.generation_rows import LOCK_KEY, live_generation, writing
from adapters.read_database.late_changes import note_parked
from projections.ports.event_log import TopicPartition
from projections.ports.generations import Generation, Phase, Purpose
from projections.read_model import ReadModel


@contextmanager
def hold_live(dsn: str, model: ReadModel) -> Iterator["HeldLive"]:
    """Keep all workers from writing to the live generation until the context ends.

    Only who holds the lock for building may do so: nobody else makes another generation live.
    """
    with ExitStack() as stack, connect(dsn, "switch") as connection:
        live = live_generation(connection, model.name)
        closing = None if live is None else stack.enter_context(gate(dsn, connection, live))
        with connection.transaction():
            if live is not None:
                lock = (writing(live.number), model.name)
                connection.execute(f"SELECT pg_advisory_xact_lock({LOCK_KEY})", lock)
            yield HeldLive(connection, model, live, closing)
        # The transaction is over before the gate opens.


class HeldLive:
    """Implements `projections.ports.generations.LiveHeld` within an open transaction."""

    def __init__(
        self,
        connection: psycopg.Connection,
        model: ReadModel,
        live: Generation | None,
        closing: Gate | None,
    ) -> None:
        self.generation = live
        self._connection = connection
        self._model = model
        self._gate = closing

    def checkpoints(self) -> dict[TopicPartition, int]:
        """See the port."""
        if self.generation is None:
            return {}
        return generation_rows.checkpoints(
            self._connection, self._model.name, self.generation.number
        )

    def switch(self, successor: Generation) -> None:
        """See the port."""
        if successor.purpose is not Purpose.SERVE:
            raise ValueError(f"generation {successor.number} is not made to serve")
        if self._gate is not None:
            self._gate.close()
        if self.generation is not None:
            numbers = (self.generation.number, successor.number)
            note_parked(self._connection, self._model.name, *numbers)
            former = f"{self._model.schema}_g{self.generation.number}"
            self._rename(self.generation.schema, former)
            self._mark(self.generation, Phase.RETIRED, former)
        self._rename(successor.schema, self._model.schema)
        self._mark(successor, Phase.LIVE, self._model.schema)

    def _rename(self, old: str, new: str) -> None:
        self._connection.execute(f"ALTER SCHEMA {quoted(old)} RENAME TO {quoted(new)}")

    def _mark(self, generation: Generation, phase: Phase, schema: str) -> None:
        self._connection.execute(
            "UPDATE engine.generation SET phase = %s, schema_name = %s, progress = '{}', "
            "changed_at = now(), "
            "switched_at = CASE WHEN %s THEN now() ELSE switched_at END "
            "WHERE read_model = %s AND number = %s",
            (
                phase.value, schema, phase is Phase.LIVE,
                generation.read_model, generation.number,
            ),
        )  # fmt: skip

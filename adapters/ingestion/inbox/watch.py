"""Watching inboxes: what is complete is taken in, a batch after the other, as long as wanted."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Event
from time import monotonic

import psycopg
import structlog

from adapters.ingestion.inbox import state
from adapters.ingestion.inbox.listing import Delivered, Patience, delivered
from adapters.ingestion.inbox.receive import Receiving
from adapters.ingestion.inbox.store import Store
from adapters.ingestion.ingest import Options, failing_as_failure
from domain.failures import Unavailable, Unusable

log = structlog.get_logger("inbox")

_LONGEST_PAUSE = 60.0


@dataclass(frozen=True)
class Watching:
    """How inboxes are watched."""

    interval: float = 10.0
    """Seconds between two looks."""
    settle: float = 2.0
    """Seconds for which a marker must have been as it is."""
    quiet: float | None = None
    """Seconds without any change after which a delivery without a marker is taken as complete."""
    keeps: bool = False
    ourselves: str | None = None
    options: Options = field(default_factory=Options)


@dataclass
class Tally:
    """What was done since the start."""

    batches: int = 0
    refused: int = 0
    """Messages that were not accepted."""


class Inbox:
    """One inbox, looked into again and again."""

    def __init__(
        self, store: Store, watching: Watching, clock: Callable[[], float] = monotonic
    ) -> None:
        self._store = store
        self._watching = watching
        self._patience = Patience(watching.settle, watching.quiet, clock)

    @property
    def name(self) -> str:
        """Of the place."""
        return self._store.name

    def look(
        self, connection: psycopg.Connection, tally: Tally, is_stopped: Callable[[], bool]
    ) -> bool:
        """Take in what is ready; whether something more only needs time.

        Raises Unavailable where the place or the database is away, Failure as `ingest` does.
        """
        if not state.lock(connection, self.name):
            log.warning("another process works on this inbox", inbox=self.name)
            return False
        watching = self._watching
        receiving = Receiving(
            store=self._store,
            connection=connection,
            options=watching.options,
            ourselves=watching.ourselves,
            keeps=watching.keeps,
            is_stopped=is_stopped,
        )
        found = delivered(self._store.entries())
        here = {batch.path: batch for batch in found}
        finished = set()
        for row in state.begun(connection, self.name):  # what a killed process left
            if not receiving.go_on(row, here.get(row.path)):
                return True
            tally.batches += 1
            tally.refused += state.refused(connection, row)
            finished.add(row.path)
        new = [b for b in found if b.path not in finished and not self._is_known(connection, b)]
        sorted_ = self._patience.sort(new)
        queue = {batch.path: "it is next, or behind others" for batch in sorted_.ready}
        state.note_waiting(connection, self.name, sorted_.waiting | queue)
        for batch in sorted_.ready:
            if is_stopped():
                return True
            try:
                row = receiving.plan(batch)
            except Unusable as error:
                state.note_waiting(connection, self.name, {batch.path: str(error)}, gone=False)
                continue
            if not receiving.go_on(row, batch):
                return True
            tally.batches += 1
            tally.refused += state.refused(connection, row)
        return sorted_.is_soon

    def _is_known(self, connection: psycopg.Connection, batch: Delivered) -> bool:
        """Whether it was taken in and stays where it is."""
        if not self._watching.keeps:
            return False
        before = state.newest(connection, self.name, batch.path)
        return before is not None and (before.status, before.marker) == ("done", batch.fingerprint)


Connect = Callable[[], AbstractContextManager[psycopg.Connection]]


def watch(
    stores: Sequence[Store], connect: Connect, watching: Watching, stop: Event, *, once: bool
) -> Tally:
    """Look into all inboxes until `stop` is set; with `once` until nothing is left to take in.

    An inbox or database that is away is waited for; with `once` Unavailable is raised.
    """
    inboxes = [Inbox(store, watching) for store in stores]
    tally, failures = Tally(), 0
    while not stop.is_set():
        waits = False
        for inbox in inboxes:
            try:
                with failing_as_failure(), connect() as connection:
                    waits |= inbox.look(connection, tally, stop.is_set)
                failures = 0
            except Unavailable as error:
                if once:
                    raise
                failures += 1
                log.warning("waiting", inbox=inbox.name, reason=str(error))
        if once and not waits:
            break
        pause = (
            min(watching.interval, max(0.05, watching.settle / 2)) if once else watching.interval
        )
        stop.wait(min(_LONGEST_PAUSE, pause * 2**failures) if failures else pause)
    for store in stores:
        store.close()
    return tally

"""The live worker: a member of a consumer group that keeps the live generation up to date.

Several may run at once. What each owns is not the group's word but the checkpoints': they move by
compare-and-set in the transaction that stores the rows, so a worker that lost a partition without
knowing it (paused past its session, cut off) can't store anything of it.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from time import monotonic

from domain.failures import Failure, Refused, Unavailable
from projections.engine.apply import Applier
from projections.engine.backoff import backoff
from projections.engine.partitions import (
    REBUILD,
    AnotherLog,
    check_assigned,
    made_anew,
    require_same_log,
    unknown_partitions,
)
from projections.engine.records import records_in, trimmed
from projections.ports.event_decoder import EventDecoder
from projections.ports.event_log import EventLog, RecordBatch, TopicPartition
from projections.ports.read_store import CheckpointMoved, ReadStore
from projections.read_model import ReadModel

log = logging.getLogger(__name__)

NOTE_SECONDS = 1.0
"""How often group offsets are committed, for monitoring."""
IDENTITY_SECONDS = 10.0
"""How often a worker looks whether the topics are still the same ones."""


class NoLiveGeneration(Refused):
    """The read model has no live generation to write to."""


class Worker:
    """Projects what its partitions hold. `step` does one round; all runs in one thread."""

    def __init__(
        self,
        model: ReadModel,
        events: EventLog,
        decoder: EventDecoder,
        store: ReadStore,
        group: str,
    ) -> None:
        self._model = model
        self._events = events
        self._decoder = decoder
        self._store = store
        self._assigned: set[TopicPartition] = set()
        self._stale = False
        self._noted_at = 0.0
        self._looked_at = 0.0
        self._topic_ids: Mapping[str, str | None] = {}
        """As the checkpoints have them; empty where they are to be held against the log anew."""
        self._applier = self._on_live_generation()
        self._take_up_new_topics()
        self._subscription = events.subscribe(group, model.topics, self._on_assign, self._on_lost)

    @property
    def generation(self) -> int:
        """Number of the generation that was live when last looked."""
        return self._applier.generation.number

    @property
    def is_stale(self) -> bool:
        """Whether it must look up generation and checkpoints again before it can go on."""
        return self._stale

    def step(self, timeout: float) -> int:
        """Poll once and store what came; returns the number of records stored.

        Conflicts with other workers, switches, and a database, registry or log that is away are
        dealt with: the worker is stale then, and what wasn't stored is read again in later steps.
        Raises AnotherLog for topics that are not those of the checkpoints any more.
        """
        try:
            batches = self._subscription.poll(timeout)
            if self._stale:
                self._reload()
                return 0
            check_assigned(self._applier.positions, self._assigned)
            if not self._is_of_what_was_read():
                self._reload()
                return 0
            return self._store_all(self._new_in(batches))
        except Unavailable as away:
            log.warning("going back to the checkpoints: %s", away)
            self._stale = True
            return 0
        except AnotherLog:
            raise
        except Failure:
            self._require_same_log()  # a topic that was made anew is the better reason
            raise

    def close(self) -> None:
        """Leave the group."""
        self._subscription.close()

    def _new_in(self, batches: Sequence[RecordBatch]) -> list[RecordBatch]:
        positions = self._applier.positions
        return trimmed(batches, {p: positions[p] for p in self._assigned if p in positions})

    def _store_all(self, batches: list[RecordBatch]) -> int:
        stored = 0
        while batches:
            try:
                self._applier.apply(batches)
            except CheckpointMoved as moved:
                log.warning("another worker has written %s; not this one", moved.partitions)
                self._go_back(moved.partitions)
                batches = [b for b in batches if (b.topic, b.partition) not in moved.partitions]
                batches = self._new_in(batches)
            else:
                stored += records_in(batches)
                self._note_progress()
                break
        return stored

    def _go_back(self, partitions: Sequence[TopicPartition]) -> None:
        self._applier.refresh(partitions)
        self._subscription.seek(self._starts(partitions))

    def _reload(self) -> None:
        """Look again which generation is live and where it stands, and read on from there."""
        self._applier = self._on_live_generation()
        self._require_same_log()
        self._stale = False
        self._subscription.seek(self._starts(self._assigned))

    def _on_live_generation(self) -> Applier:
        generation = self._store.live()
        if generation is None:
            raise NoLiveGeneration(
                f"read model {self._model.name!r} has no live generation yet: "
                "`catalog project` makes the first one, or `catalog rebuild`"
            )
        return Applier(self._model, self._decoder, self._store, generation)

    def _require_same_log(self) -> None:
        generation = self._applier.generation
        require_same_log(self._store, self._events, generation, self._model.topics)
        self._topic_ids = self._store.topic_ids(generation.number)
        self._looked_at = monotonic()

    def _is_of_what_was_read(self) -> bool:
        """Whether the generation is still the live one; before anything is stored of what was read.

        Raises AnotherLog where that was read from topics that aren't the generation's.
        """
        if not self._topic_ids:
            self._require_same_log()
        elif monotonic() - self._looked_at >= IDENTITY_SECONDS:
            live = self._store.live()
            if live is None or live.number != self.generation:
                return False
            ids = self._events.topic_ids(self._model.topics)
            if (why := made_anew(self._applier.generation, self._topic_ids, ids)) is not None:
                raise AnotherLog(f"{why}. {REBUILD}")
            self._looked_at = monotonic()
        return True

    def _take_up_new_topics(self) -> None:
        self._require_same_log()
        bounds = self._events.bounds(self._model.topics)
        new = unknown_partitions(self._applier.positions, bounds)
        if new:
            self._store.add_checkpoints(self.generation, new)  # known when they are assigned
            self._require_same_log()
        for violation in self._events.violations(self._model.topics):
            log.warning("history is not whole: %s", violation)

    def _on_assign(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        self._assigned.update(partitions)
        self._topic_ids = {}
        try:
            self._applier = self._on_live_generation()
        except Unavailable as away:
            log.warning("the read database is away: %s", away)
            self._stale = True
        return self._starts(partitions)

    def _on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        self._assigned.difference_update(partitions)

    def _starts(
        self, partitions: Sequence[TopicPartition] | set[TopicPartition]
    ) -> dict[TopicPartition, int]:
        return {p: self._applier.positions.get(p, 0) for p in partitions}

    def _note_progress(self) -> None:
        if monotonic() - self._noted_at >= NOTE_SECONDS:
            self._noted_at = monotonic()
            self._subscription.note_progress(self._starts(self._assigned))


def run(worker: Worker, stopped: Callable[[], bool], pause: Callable[[float], object]) -> None:
    """Step until stopped. `pause(seconds)` waits between attempts while something is away."""
    failures = 0
    while not stopped():
        stored = worker.step(timeout=0.5)
        if worker.is_stale:
            failures += 1
            if failures > 1:  # once is a switch or a conflict: go on at once
                pause(backoff(failures - 1))
        elif stored:  # not after going back alone: the next step may fail just so
            failures = 0

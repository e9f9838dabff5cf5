"""A source that is live is followed: what its topics get is taken in, until somebody stops it.

A topic that can't go on rests while the others go on, and is tried again: what stood in its way may
have been mended. A definition that changed ends the following, so that the caller begins anew.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import psycopg
import structlog

from adapters.ingestion.master import writer
from adapters.source import batch, register
from adapters.source.definition import Source
from adapters.source.lifecycle import applied, topics_of
from adapters.source.mapping import MasterMapping
from adapters.source.records import SourceReader
from adapters.source.replicator import Overtaken, Taken, positions, take_in
from projections.ports.event_log import EventLog, RecordBatch, Subscription, TopicPartition

log = structlog.get_logger("source")

POLL_SECONDS = 0.5
RETRY_SECONDS = 30.0
"""After which a topic that can't go on is tried again."""


@dataclass
class Following:
    """One source, as one process follows it."""

    connection: psycopg.Connection
    source: Source
    mappings: Sequence[MasterMapping]
    reader: SourceReader
    clock: Callable[[], float] = time.monotonic
    at: dict[TopicPartition, int] = field(default_factory=dict)
    """How far each partition is read."""
    stopped: dict[TopicPartition, str] = field(default_factory=dict)
    rows: int = 0
    """Changes that were taken in."""
    _tried: set[TopicPartition] = field(default_factory=set)
    """Those of the stopped that are tried again."""
    _noted: str | None = None

    def run(self, log_: EventLog, group: str, stop: Callable[[], bool]) -> None:
        """Follow until `stop` says so or the source is defined anew.

        Raises Unavailable (the log, the database) and what take_in raises.
        """
        mappings = applied(self.connection, self.source, self.mappings)
        topics = topics_of(self.source)
        register.stop(self.connection, self.source, None)
        with closing(log_.subscribe(group, topics, self._assigned, self._lost)) as subscription:
            retry_at = self.clock() + RETRY_SECONDS
            while not stop() and register.is_followed(self.connection, self.source):
                for batches in _rounds(subscription.poll(POLL_SECONDS)):
                    if not self._take_in(mappings, batches, subscription):
                        break
                self._evaluate_due(mappings)
                if self.stopped and self.clock() > retry_at:
                    again = {at: self.at[at] for at in self.stopped if at in self.at}
                    self._tried = set(again)
                    subscription.seek(again)
                    retry_at = self.clock() + RETRY_SECONDS
                elif not self.stopped:
                    retry_at = self.clock() + RETRY_SECONDS

    def _evaluate_due(self, mappings: Sequence[MasterMapping]) -> None:
        """Evaluate whole what changes asked for, where that is done only now and then."""
        if not any(mapping.every for mapping in mappings):
            return
        with self.connection.transaction():
            writer.lock(self.connection)
            if register.is_current(self.connection, self.source):
                due = batch.due(self.connection, self.source, mappings)
                batch.apply_mappings(self.connection, self.source, due)

    def _take_in(
        self,
        mappings: Sequence[MasterMapping],
        batches: Sequence[RecordBatch],
        subscription: Subscription,
    ) -> bool:
        """Take in at most one batch of each partition; whether what follows them may go on."""
        going = [
            b
            for b in batches
            if (at := (b.topic, b.partition)) in self.at
            and (len(b) or b.next_offset > self.at[at])
            and (at not in self.stopped or at in self._tried)
        ]
        if not going:
            return True
        begun = {(b.topic, b.partition): self.at[b.topic, b.partition] for b in going}
        try:
            taken = take_in(self.connection, self.source, mappings, self.reader, going, begun)
        except Overtaken as other:
            log.info("reading on from another place", source=self.source.name, reason=str(other))
            self.at |= self._positions(list(self.at))
            subscription.seek(self.at)
            return False
        self._note(taken, begun)
        self.at |= {
            (b.topic, b.partition): b.next_offset
            for b in going
            if (b.topic, b.partition) not in taken.stopped
        }
        subscription.note_progress({at: self.at[at] for at in begun})
        return True

    def _note(self, taken: Taken, read: Collection[TopicPartition]) -> None:
        self.rows += taken.rows
        if taken.rows:
            register.note_change(self.connection, self.source)
            log.debug("taken in", source=self.source.name, rows=taken.rows, **taken.written)
        if taken.stopped:
            self.at |= self._positions(list(taken.stopped))
            for (topic, partition), why in taken.stopped.items():
                log.error("topic stopped", topic=topic, partition=partition, reason=why)
        self._tried -= set(read)
        self.stopped = {at: why for at, why in self.stopped.items() if at not in read}
        self.stopped |= taken.stopped
        if (reason := told(self.stopped)) != self._noted:
            register.stop(self.connection, self.source, reason)
            self._noted = reason

    def _assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        found = self._positions(partitions)
        self.at |= found
        return found

    def _positions(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        there = positions(self.connection, self.source)
        return {at: there.get(at, 0) for at in partitions}

    def _lost(self, partitions: Sequence[TopicPartition]) -> None:
        for at in partitions:
            self.at.pop(at, None)
            self.stopped.pop(at, None)


def told(stopped: Mapping[TopicPartition, str]) -> str | None:
    """Which topics stand, and why, in a sentence; None where all go on."""
    shown = [f"{topic}/{partition}: {why}" for (topic, partition), why in sorted(stopped.items())]
    return "; ".join(shown) or None


def _rounds(batches: Sequence[RecordBatch]) -> Iterator[list[RecordBatch]]:
    """Batches so that each round has one of a partition at most, in order."""
    of: dict[TopicPartition, list[RecordBatch]] = defaultdict(list)
    for given in batches:
        of[given.topic, given.partition].append(given)
    for index in range(max(map(len, of.values()), default=0)):
        yield [several[index] for several in of.values() if index < len(several)]

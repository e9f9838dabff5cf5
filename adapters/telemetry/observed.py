"""The engine's ports, watched: what passes through them is counted, timed and traced.

The engine itself stays free of it: it gets these in the place of the ports that they wrap.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic, time

import polars as pl

from adapters.telemetry.metrics import Metrics
from adapters.telemetry.tracing import EventTraces
from projections.engine.context import EngineContext
from projections.ports.event_decoder import BadRecord, Decoded, EventDecoder, and_origin
from projections.ports.event_log import RecordBatch, TopicPartition
from projections.ports.generations import Generation
from projections.ports.read_store import (
    CheckpointMoved,
    DeadLettersMoved,
    Filling,
    GenerationMoved,
    ReadStore,
    RowsRefused,
    StoreBusy,
    Write,
)

_GIVING_WAY = (CheckpointMoved, GenerationMoved, DeadLettersMoved, RowsRefused, StoreBusy)


def observed(
    context: EngineContext, metrics: Metrics, traces: EventTraces | None = None
) -> EngineContext:
    """The same context, watched."""
    batch = _Batch()
    return replace(
        context,
        decoder=ObservedDecoder(context.decoder, metrics, batch, traces),
        store=ObservedStore(context.store, metrics, batch, traces),
    )


@dataclass
class _Batch:
    """What is known of the batch between its decoding and its storing, in one thread."""

    oldest: datetime | None = None
    decoded_at: float = field(default_factory=monotonic)


class ObservedDecoder:
    """Times decoding, and remembers when the batch's oldest event was committed."""

    def __init__(
        self,
        inner: EventDecoder,
        metrics: Metrics,
        batch: _Batch,
        traces: EventTraces | None = None,
    ) -> None:
        self._traces = traces
        self._inner = inner
        self._metrics = metrics
        self._batch = batch

    def decode(self, batch: Sequence[RecordBatch], fields: frozenset[str] | None = None) -> Decoded:
        """See the port."""
        began = monotonic()
        decoded = self._inner.decode(batch, and_origin(fields))
        now = monotonic()
        self._metrics.phase.labels("decode").observe(now - began)
        self._batch.decoded_at = now
        self._batch.oldest = min(
            (at for frame in decoded.frames.values() if (at := _oldest(frame)) is not None),
            default=None,
        )
        if self._traces is not None:
            self._traces.decoded(batch, decoded)
        return decoded


class ObservedStore:
    """Times and counts what is stored."""

    def __init__(
        self,
        inner: ReadStore,
        metrics: Metrics,
        batch: _Batch,
        traces: EventTraces | None = None,
    ) -> None:
        self._traces = traces
        self._inner = inner
        self._metrics = metrics
        self._batch = batch

    def live(self) -> Generation | None:
        """See the port."""
        live = self._inner.live()
        if live is not None:
            self._metrics.generation.labels(live.read_model).set(live.number)
        return live

    def checkpoints(self, generation: int) -> dict[TopicPartition, int]:
        """See the port."""
        return self._inner.checkpoints(generation)

    def add_checkpoints(self, generation: int, partitions: Sequence[TopicPartition]) -> None:
        """See the port."""
        self._inner.add_checkpoints(generation, partitions)

    def topic_ids(self, generation: int) -> dict[str, str | None]:
        """See the port."""
        return self._inner.topic_ids(generation)

    def note_topic_ids(self, generation: int, ids: Mapping[str, str]) -> None:
        """See the port."""
        self._inner.note_topic_ids(generation, ids)

    def forget_positions(self, topics: Collection[str]) -> None:
        """See the port."""
        self._inner.forget_positions(topics)

    def parked_keys(self, generation: int) -> set[tuple[str, bytes]]:
        """See the port."""
        return self._inner.parked_keys(generation)

    def first_parked(self, generation: int, topics: Collection[str]) -> BadRecord | None:
        """See the port."""
        return self._inner.first_parked(generation, topics)

    def discarded(self) -> dict[TopicPartition, frozenset[int]]:
        """See the port."""
        return self._inner.discarded()

    def write(self, generation: Generation, write: Write) -> None:
        """See the port."""
        began = monotonic()
        self._metrics.phase.labels("handle").observe(max(0.0, began - self._batch.decoded_at))
        try:
            self._inner.write(generation, write)
        except _GIVING_WAY as reason:
            self._metrics.conflicts.labels(type(reason).__name__).inc()
            raise
        self._metrics.phase.labels("store").observe(monotonic() - began)
        if self._traces is not None:
            self._traces.committed(generation, write)
        self._count(generation, write)

    def fill(self, generation: Generation, filling: Filling) -> None:
        """See the port."""
        self._inner.fill(generation, filling)

    def refusal(self, generation: Generation, table: str, rows: pl.DataFrame) -> str | None:
        """See the port."""
        return self._inner.refusal(generation, table, rows)

    def close(self) -> None:
        """See the port."""
        self._inner.close()

    def _count(self, generation: Generation, write: Write) -> None:
        metrics, passed = self._metrics, 0
        for move in write.moves:
            metrics.records.labels(move.topic, generation.read_model).inc(
                move.position - move.expected
            )
            passed += move.position - move.expected
        metrics.batch.observe(passed)
        for table, rows in write.rows.items():
            metrics.rows.labels(table, generation.read_model).inc(rows.height)
        metrics.parked.inc(len(write.parked))
        metrics.generation.labels(generation.read_model).set(generation.number)
        metrics.checkpointed.labels(generation.read_model).set(time())
        if self._batch.oldest is not None:
            metrics.visible.observe(max(0.0, time() - self._batch.oldest.timestamp()))
            self._batch.oldest = None


def _oldest(frame: pl.DataFrame) -> datetime | None:
    if "origin" not in frame.columns:
        return None
    found = frame["origin"].struct.field("committed_at").min()
    return found if isinstance(found, datetime) else None

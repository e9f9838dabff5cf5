"""The spans of the chain: `capture` and `translate` of a change, `project` of each of its events.

A trace that somebody before us began (a `traceparent` header on the change) goes on, if it is
sampled. Else a share of the changes begins one, with the span `capture`: from the master's commit
to the record in Kafka. The context goes on with the events in W3C headers, of traced ones only:
the log keeps headers for ever. Spans are told when their transaction has committed, so what was
undone and done again is told once.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import random
from time import time_ns

import polars as pl
from confluent_kafka import Message
from opentelemetry.context import Context
from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from adapters.telemetry.headers import headers_of
from domain.changes import Change
from projections.ports.change_log import ChangeBatch, RecordDetails
from projections.ports.dead_letters import Headers
from projections.ports.event_decoder import Decoded
from projections.ports.event_log import RecordBatch
from projections.ports.generations import Generation
from projections.ports.read_store import Write

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PROPAGATOR = TraceContextTextMapPropagator()

Place = tuple[str, int, int]
"""Topic, partition, offset."""


class ChangeSpans:
    """Implements `TranslationObserver`. `choose` draws from [0, 1): a change is traced below
    `ratio`."""

    def __init__(self, tracer: Tracer, ratio: float, choose: Callable[[], float] = random) -> None:
        self._tracer = tracer
        self._ratio = ratio
        self._choose = choose
        self._open: list[tuple[Span, int | None]] = []
        """With the instant when it ended, None for that of the commit."""

    def begin(self, batch: ChangeBatch, index: int, change: Change, events: int) -> Headers | None:
        """See the port."""
        details = batch.details(index)
        context = _context_of(details.headers)
        if context is None:
            if self._choose() >= self._ratio:
                return None
            context = self._captured(details, change)
        elif not _is_sampled(context):
            return None
        span = self._tracer.start_span(
            "translate",
            context,
            SpanKind.CONSUMER,
            {
                **_place(batch.topic, batch.partition, batch.offsets[index]),
                "catalog.master.table": change.table,
                "catalog.events": events,
            },
        )
        self._open.append((span, None))
        carried: dict[str, str] = {}
        _PROPAGATOR.inject(carried, set_span_in_context(span, context))
        return [(name, value.encode()) for name, value in carried.items()]

    def committed(self) -> None:
        """See the port."""
        for span, ended in self._open:
            span.end(ended)
        self._open.clear()

    def aborted(self) -> None:
        """See the port."""
        self._open.clear()

    def _captured(self, details: RecordDetails, change: Change) -> Context:
        """A new trace: its first span is what came before us."""
        written = time_ns() if details.written_at is None else details.written_at * 1_000_000
        began = written if change.committed_at is None else _nanoseconds(change.committed_at)
        attributes = {
            "catalog.master.table": change.table,
            "catalog.master.operation": change.operation.value,
            "catalog.master.position": change.position,
        }
        if change.transaction is not None:
            attributes["catalog.master.transaction"] = change.transaction
        span = self._tracer.start_span(
            "capture", Context(), SpanKind.PRODUCER, attributes, start_time=began
        )
        self._open.append((span, max(began, written)))
        return set_span_in_context(span, Context())


class EventSpans:
    """Implements `EventTraces`."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._open: dict[Place, Span] = {}

    def arrived(self, messages: Sequence[Message]) -> None:
        """See the port."""
        self._open = {}
        for message in messages:
            context = _context_of(headers_of(message))
            if context is None or not _is_sampled(context):
                continue
            place = (message.topic() or "", message.partition() or 0, message.offset() or 0)
            span = self._tracer.start_span("project", context, SpanKind.CONSUMER, _place(*place))
            self._open[place] = span

    def decoded(self, batches: Sequence[RecordBatch], decoded: Decoded) -> None:
        """See the port."""
        if not self._open or not batches:
            return
        topic = batches[0].topic
        offsets = [offset for at, _, offset in self._open if at == topic]
        if not offsets:
            return
        for name, frame in decoded.frames.items():
            found = frame.filter(pl.col("_offset").is_in(offsets)).select(
                "_partition", "_offset", "event_id", pl.col("origin").struct.field("table")
            )
            for partition, offset, event_id, table in found.iter_rows():
                span = self._open.get((topic, partition, offset))
                if span is not None:
                    span.set_attribute("catalog.event.type", name)
                    span.set_attribute("catalog.event.id", event_id)
                    span.set_attribute("catalog.master.table", table)

    def committed(self, generation: Generation, write: Write) -> None:
        """See the port."""
        if not self._open:
            return
        moves = {(move.topic, move.partition): move for move in write.moves}
        parked = {(bad.topic, bad.partition, bad.offset): bad.reason for bad in write.parked}
        for place in list(self._open):
            move = moves.get(place[:2])
            if move is None or not move.expected <= place[2] < move.position:
                continue
            span = self._open.pop(place)
            span.set_attribute("catalog.read_model", generation.read_model)
            span.set_attribute("catalog.generation", generation.number)
            if place in parked:
                span.set_status(Status(StatusCode.ERROR, f"parked: {parked[place]}"))
            span.end()


def _context_of(headers: Headers) -> Context | None:
    """The trace that a record with these headers belongs to, if they name one."""
    if not headers:
        return None
    carried: dict[str, list[str]] = {}
    for name, value in headers:
        if name in _PROPAGATOR.fields and value is not None:
            carried.setdefault(name, []).append(value.decode("ascii", "replace"))
    context = _PROPAGATOR.extract(carried, Context())
    return context if get_current_span(context).get_span_context().is_valid else None


def _is_sampled(context: Context) -> bool:
    return get_current_span(context).get_span_context().trace_flags.sampled


def _place(topic: str, partition: int, offset: int) -> dict[str, str | int]:
    """Where a record stands, in the words of OpenTelemetry's conventions."""
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": str(partition),
        "messaging.kafka.offset": offset,
    }


def _nanoseconds(instant: datetime) -> int:
    """Since 1970, exactly."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000

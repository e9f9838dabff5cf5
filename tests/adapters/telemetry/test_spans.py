"""Spans from a change to its read row: whose trace they belong to, and when they are told."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from confluent_kafka import Message
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from adapters.event_log.change_log import batch_of
from adapters.telemetry.spans import ChangeSpans, EventSpans
from domain.changes import Change, Coordinates, Operation
from projections.ports.change_log import ChangeBatch
from projections.ports.event_decoder import BadRecord, Decoded
from projections.ports.event_log import RecordBatch
from projections.ports.generations import Generation, Phase
from projections.ports.read_store import Move, Write
from tests.adapters.telemetry.spans import Headers, Memory

SOURCE = "master.public.track"
TOPIC = "catalog.track"
LIVE = Generation("catalog", 7, "catalog", Phase.LIVE)
COMMITTED = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)
NANOSECONDS = 1_795_521_600_250_000_000
TRACE = "0af7651916cd43dd8448eb211c80319c"


def change(committed_at: datetime | None = COMMITTED) -> Change:
    """An insert that the master committed then."""
    return Change(
        table="track",
        operation=Operation.INSERT,
        key={"id": "1"},
        before=None,
        after={"id": "1"},
        coordinates=Coordinates(topic=SOURCE, partition=0, offset=4),
        position="000000001000",
        transaction="77",
        committed_at=committed_at,
    )


def record(
    headers: Headers | None = None, *, offset: int = 4, topic: str = SOURCE, written: int = 0
) -> Message:
    """A record, by default of a capture topic."""
    return Message(
        topic=topic, partition=0, offset=offset, headers=headers, timestamp=(1, written)
    )  # fmt: skip


def captured(headers: Headers | None = None, *, written: int = 0) -> tuple[ChangeBatch, int]:
    """A record of a change topic, as the translating engine gets it."""
    return batch_of((SOURCE, 0), [record(headers, written=written)]), 0


def _traceparent(flags: str) -> Headers:
    return [("other", b"\xff"), ("traceparent", f"00-{TRACE}-b7ad6b7169203331-{flags}".encode())]


def _text(headers: Sequence[tuple[str, bytes | None]], name: str) -> str:
    value = dict(headers)[name]
    assert isinstance(value, bytes)
    return value.decode()


def _attributes(memory: Memory, name: str) -> dict[str, Any]:
    return dict(memory.named(name).attributes or {})


def test_a_trace_begins_at_the_masters_commit_and_goes_on_in_the_events_headers() -> None:
    memory = Memory()
    traces = ChangeSpans(memory.tracer, 1.0)
    written = NANOSECONDS // 1_000_000 + 30
    headers = traces.begin(*captured(written=written), change(), 2)
    assert headers is not None
    assert memory.names() == [], "nothing is told before the commit"
    traces.committed()
    capture, translate = memory.named("capture"), memory.named("translate")
    assert capture.parent is None
    assert (capture.start_time, capture.end_time) == (NANOSECONDS, written * 1_000_000)
    assert translate.parent is not None
    assert translate.parent.span_id == capture.context.span_id
    assert translate.context.trace_id == capture.context.trace_id
    version, trace, parent, flags = _text(headers, "traceparent").split("-")
    assert (version, int(flags, 16) & 1) == ("00", 1)
    assert trace == format_trace_id(translate.context.trace_id)
    assert parent == format_span_id(translate.context.span_id)
    told = _attributes(memory, "translate")
    assert told["messaging.destination.name"] == SOURCE
    assert told["messaging.kafka.offset"] == 4
    assert (told["catalog.master.table"], told["catalog.events"]) == ("track", 2)
    assert _attributes(memory, "capture")["catalog.master.transaction"] == "77"


@pytest.mark.parametrize("clock", ["behind", "absent"])
def test_clocks_that_differ_make_no_span_that_ends_before_it_began(clock: str) -> None:
    memory = Memory()
    traces = ChangeSpans(memory.tracer, 1.0)
    written = NANOSECONDS // 1_000_000 - 5_000
    traces.begin(*captured(written=written), change(COMMITTED if clock == "behind" else None), 1)
    traces.committed()
    capture = memory.named("capture")
    assert capture.start_time == capture.end_time


def test_a_trace_that_somebody_else_began_goes_on() -> None:
    memory = Memory()
    traces = ChangeSpans(memory.tracer, 0.0)
    headers = traces.begin(
        *captured([*_traceparent("01"), ("tracestate", b"house=1")]), change(), 1
    )
    traces.committed()
    assert headers is not None
    assert memory.names() == ["translate"]
    assert format_trace_id(memory.named("translate").context.trace_id) == TRACE
    assert _text(headers, "traceparent").startswith(f"00-{TRACE}-")
    assert _text(headers, "tracestate") == "house=1"


def test_what_is_not_sampled_costs_no_span_and_no_header() -> None:
    memory = Memory()
    draws = iter([0.1, 0.05, 0.9])
    traces = ChangeSpans(memory.tracer, 0.1, lambda: next(draws))
    carried = [traces.begin(*captured(), change(), 1) is not None for _ in range(3)]
    assert carried == [False, True, False]
    assert traces.begin(*captured(_traceparent("00")), change(), 1) is None, "not sampled upstream"
    traces.committed()
    assert sorted(memory.names()) == ["capture", "translate"]


@pytest.mark.parametrize("header", [b"junk", b"", b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01"])
def test_a_header_that_names_no_trace_is_as_none(header: bytes) -> None:
    memory = Memory()
    traces = ChangeSpans(memory.tracer, 1.0)
    assert traces.begin(*captured([("traceparent", header)]), change(), 1) is not None
    traces.committed()
    assert memory.named("capture").parent is None


def test_a_transaction_that_was_aborted_is_told_only_when_it_was_done_again() -> None:
    memory = Memory()
    traces = ChangeSpans(memory.tracer, 1.0)
    traces.begin(*captured(), change(), 1)
    traces.aborted()
    traces.committed()
    assert memory.names() == []
    traces.begin(*captured(), change(), 1)
    traces.committed()
    traces.committed()
    assert sorted(memory.names()) == ["capture", "translate"]


def _batch(*offsets: int) -> RecordBatch:
    some = [b"x"] * len(offsets)
    return RecordBatch(TOPIC, 0, offsets, some, some, offsets[-1] + 1)


def _decoded(*offsets: int) -> Decoded:
    frame = pl.DataFrame(
        {
            "_partition": [0] * len(offsets),
            "_offset": list(offsets),
            "event_id": [f"{SOURCE}/0/{offset}/0" for offset in offsets],
            "origin": [{"table": "track"}] * len(offsets),
        }
    )
    return Decoded({"TrackAdded": frame}, [])


def _write(first: int, end: int, parked: Sequence[BadRecord] = ()) -> Write:
    return Write(rows={}, moves=[Move(TOPIC, 0, expected=first, position=end)], parked=parked)


def _events(*offsets: int, flags: str = "01") -> list[Message]:
    return [record(_traceparent(flags), offset=offset, topic=TOPIC) for offset in offsets]


def test_an_event_ends_its_span_when_its_row_is_committed() -> None:
    memory = Memory()
    traces = EventSpans(memory.tracer)
    traces.arrived([*_events(5), record(None, offset=6, topic=TOPIC), *_events(7, flags="00")])
    traces.decoded([_batch(5, 6, 7)], _decoded(5, 6, 7))
    assert memory.names() == []
    traces.committed(LIVE, _write(5, 8))
    traces.committed(LIVE, _write(5, 8))
    project = memory.named("project")
    assert format_trace_id(project.context.trace_id) == TRACE
    assert project.parent is not None
    assert project.parent.span_id == 0xB7AD6B7169203331
    assert _attributes(memory, "project") == {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": TOPIC,
        "messaging.destination.partition.id": "0",
        "messaging.kafka.offset": 5,
        "catalog.event.type": "TrackAdded",
        "catalog.event.id": f"{SOURCE}/0/5/0",
        "catalog.master.table": "track",
        "catalog.read_model": "catalog",
        "catalog.generation": 7,
    }


def test_a_batch_that_is_stored_in_halves_ends_each_span_with_its_half() -> None:
    memory = Memory()
    traces = EventSpans(memory.tracer)
    traces.arrived(_events(5, 6))
    traces.committed(LIVE, _write(5, 6))
    assert len(memory.spans()) == 1
    traces.committed(LIVE, _write(6, 7, [BadRecord(TOPIC, 0, 6, b"k", b"v", "no event")]))
    parked = memory.spans()[1]
    assert (parked.status.status_code, parked.status.description) == (
        StatusCode.ERROR,
        "parked: no event",
    )


def test_an_event_that_is_read_again_is_told_once() -> None:
    memory = Memory()
    traces = EventSpans(memory.tracer)
    traces.arrived(_events(5))  # and then a conflict: it isn't stored
    traces.arrived(_events(5))
    traces.committed(LIVE, _write(5, 6))
    traces.arrived([])
    traces.committed(LIVE, _write(5, 6))
    assert memory.names() == ["project"]


def test_what_was_read_before_and_not_stored_is_forgotten() -> None:
    memory = Memory()
    traces = EventSpans(memory.tracer)
    traces.arrived(_events(5))
    traces.arrived(_events(6))
    traces.committed(LIVE, _write(5, 7))
    (project,) = memory.spans()
    assert dict(project.attributes or {})["messaging.kafka.offset"] == 6


def test_an_event_below_the_checkpoint_is_nobodys() -> None:
    memory = Memory()
    traces = EventSpans(memory.tracer)
    traces.arrived(_events(5))
    traces.committed(LIVE, _write(6, 9))
    assert memory.names() == []

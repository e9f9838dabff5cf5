"""Cutting, splitting and projecting batches."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.failures import Unavailable
from projections.engine.apply import moves_of
from projections.engine.batch import (
    EventsUnusable,
    newest_per_id,
    project,
    project_usable,
    superseded_left_out,
    used_of,
)
from projections.engine.columns import FrameDoesNotFit, conform, schema_of
from projections.engine.records import (
    halves,
    keys_of,
    records_in,
    trimmed,
    without,
)
from projections.ports.event_decoder import Decoded
from projections.ports.event_log import RecordBatch, TopicPartition
from projections.ports.read_store import Move
from projections.read_model import REMOVED, Projection, ReadModel
from tests.projections.engine.chain import MODEL
from tests.projections.engine.memory_log import JsonDecoder, event

TRACKS = "catalog.track"


def batch(partition: int, *offsets: int, end: int | None = None) -> RecordBatch:
    """A batch of track events, one key per offset."""
    keys = [f"k{offset}".encode() for offset in offsets]
    values = [event("TrackAdded", f"k{offset}", offset, title="t") for offset in offsets]
    last = offsets[-1] + 1 if offsets else 0
    return RecordBatch(TRACKS, partition, list(offsets), list(keys), list(values), end or last)


@st.composite
def streams(draw: st.DrawFn) -> list[RecordBatch]:
    """Batches as a log hands them over: each partition's in order, with gaps."""
    at = {0: 0, 1: 0}
    batches = []
    for partition in draw(st.lists(st.integers(0, 1), max_size=6)):
        offsets = []
        for gap in draw(st.lists(st.integers(0, 2), max_size=4)):
            offsets.append(at[partition] + gap)
            at[partition] += gap + 1
        at[partition] += draw(st.integers(0, 1))
        batches.append(batch(partition, *offsets, end=at[partition]))
    return batches


@given(streams(), st.dictionaries(st.integers(0, 1), st.integers(0, 12)), st.integers(0, 15))
def test_trimmed_leaves_what_is_new_and_below_the_end(
    batches: list[RecordBatch], starts: dict[int, int], end: int
) -> None:
    positions: dict[TopicPartition, int] = {(TRACKS, p): at for p, at in starts.items()}
    until = dict.fromkeys(positions, end)
    kept = trimmed(batches, positions, until)
    wanted = [
        (b.partition, offset)
        for b in batches
        for offset in b.offsets
        if starts.get(b.partition, end) <= offset < end
    ]
    assert [(b.partition, offset) for b in kept for offset in b.offsets] == wanted
    at = dict(positions)
    for one in kept:
        assert at[TRACKS, one.partition] < one.next_offset <= end
        at[TRACKS, one.partition] = one.next_offset
    assert trimmed(kept, at) == []


@given(streams())
def test_halves_lose_nothing_and_keep_order(batches: list[RecordBatch]) -> None:
    if records_in(batches) < 2:
        return
    left, right = halves(batches)
    assert abs(records_in(left) - records_in(right)) <= 1
    for partition in (0, 1):
        whole = [o for b in batches if b.partition == partition for o in b.offsets]
        context = [o for b in [*left, *right] if b.partition == partition for o in b.offsets]
        assert context == whole
    positions = dict.fromkeys(((TRACKS, 0), (TRACKS, 1)), 0)
    moves = moves_of(left, positions)
    for move in moves:
        positions[move.topic, move.partition] = move.position
        later = [o for b in right if b.partition == move.partition for o in b.offsets]
        assert all(offset >= move.position for offset in later)
    ends = {(b.topic, b.partition): b.next_offset for b in batches}
    for move in moves_of(right, positions):
        positions[move.topic, move.partition] = move.position
    assert {p: positions[p] for p in ends} == ends


def test_moves_go_to_the_last_position_of_each_partition() -> None:
    batches = [batch(0, 1, 2), batch(1, 5, end=9), batch(0, 3, end=7)]
    assert moves_of(batches, {(TRACKS, 0): 1, (TRACKS, 1): 4}) == (
        Move(TRACKS, 0, 1, 7),
        Move(TRACKS, 1, 4, 9),
    )


def test_what_a_later_event_of_the_key_supersedes_needs_no_parking() -> None:
    good = event("TrackUpdated", "a", title="new")
    values = [b"junk", b"junk", good, b"junk", b"junk"]
    keys = [b"a", b"b", b"a", b"a", b"\xff"]
    records = RecordBatch(TRACKS, 0, [0, 1, 2, 3, 4], keys, values, 5)
    projected = project_usable(MODEL, JsonDecoder(), [records])
    used = used_of(MODEL, projected.rows, keys_of(projected.bad))
    assert used == {(TRACKS, b"a"): 2}
    assert [one.offset for one in superseded_left_out(projected.bad, used)] == [1, 3, 4]


def test_records_at_given_offsets_are_left_out_and_positions_stay() -> None:
    records = RecordBatch(TRACKS, 0, [0, 1, 2], [b"a", b"b", None], [b""] * 3, 7)
    (rest,) = without([records], {(TRACKS, 0): {0, 2}, (TRACKS, 1): {1}})
    assert (rest.offsets, rest.keys, rest.next_offset) == ([1], [b"b"], 7)
    assert without([records], {}) == [records]


def test_the_newest_of_each_id_stays() -> None:
    rows = pl.DataFrame({"id": ["a", "b", "a"], "event_offset": [1, 2, 3], "x": [1, 2, 3]})
    assert newest_per_id(rows).rows() == [("b", 2, 2), ("a", 3, 3)]


def test_events_without_a_handler_are_not_passed_over() -> None:
    value = event("TrackAdded", "a")
    odd = event("LabelAdded", "b")
    records = RecordBatch(TRACKS, 0, [0, 1], [b"a", b"b"], [value, odd], 2)
    projected = project(MODEL, JsonDecoder(), [records])
    assert projected.rows["track"]["id"].to_list() == ["a"]
    assert [(one.offset, one.reason) for one in projected.bad] == [
        (1, "no handler for LabelAdded in topic catalog.track")
    ]


def test_who_is_to_blame() -> None:
    decoder = JsonDecoder()
    decoder.failures = 1
    with pytest.raises(Unavailable, match="registry"):
        project(MODEL, decoder, [batch(0, 1)])
    huge = event("TrackAdded", "a", duration_ms=2**40)
    with pytest.raises(EventsUnusable, match="TrackAdded"):
        project(MODEL, decoder, [RecordBatch(TRACKS, 0, [0], [b"a"], [huge], 1)])


def test_a_handler_that_forgets_a_column_is_a_fault_of_the_software() -> None:
    (track,) = [p for p in MODEL.projections if p.subject == "track"]
    forgetful = Projection("track", track.table, {"TrackAdded": lambda frame: frame.select("id")})
    model = ReadModel("m", "m", "m", (forgetful,))
    with pytest.raises(FrameDoesNotFit, match=r"missing .*event_id"):
        project(model, JsonDecoder(), [batch(0, 1)])


def test_frames_are_brought_into_the_order_and_width_of_their_table() -> None:
    (track,) = [p for p in MODEL.projections if p.subject == "track"]
    schema = schema_of(track)
    frame = pl.DataFrame(
        {name: [None] for name in reversed(schema.names())},
        schema_overrides={"disc_number": pl.Int64},
    )
    assert conform(frame, schema, "test").schema == schema
    assert list(schema)[-1] == REMOVED
    with pytest.raises(FrameDoesNotFit, match=r"unknown \['surplus'\]"):
        conform(frame.with_columns(surplus=1), schema, "test")


def test_whatever_a_decoder_or_a_handler_stumbles_on_is_one_records_fault() -> None:
    class Stumbling(JsonDecoder):
        def decode(
            self, batch: Sequence[RecordBatch], fields: frozenset[str] | None = None
        ) -> Decoded:
            if any(b"deep" in (value or b"") for one in batch for value in one.values):
                raise RecursionError("maximum recursion depth exceeded")
            return super().decode(batch, fields)

    values = [event("TrackAdded", id, title=id) for id in ("a", "deep", "b")]
    records = RecordBatch(TRACKS, 0, [0, 1, 2], [b"a", b"k", b"b"], values, 3)
    projected = project_usable(MODEL, Stumbling(), [records])
    assert projected.rows["track"]["id"].to_list() == ["a", "b"]
    assert [one.offset for one in projected.bad] == [1]
    assert "RecursionError" in projected.bad[0].reason

    def panicking(events: pl.DataFrame) -> pl.DataFrame:
        raise pl.exceptions.PanicException("index out of bounds")

    (track,) = [p for p in MODEL.projections if p.subject == "track"]
    model = ReadModel("m", "m", "m", (replace(track, handlers={"TrackAdded": panicking}),))
    assert [one.offset for one in project_usable(model, JsonDecoder(), [records]).bad] == [
        0, 1, 2,
    ]  # fmt: skip
    assert len(project_usable(model, JsonDecoder(), [records]).bad[0].reason) < 1_200

"""Positions of translation, as the events themselves tell them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import polars as pl

from adapters.event_log.translated_positions import events_of, newest_events
from projections.ports.event_decoder import Decoded, EventDecoder
from projections.ports.event_log import EventLog, RecordBatch
from projections.ports.translated_positions import NewestEvent

EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
TRACK = ("master.public.track", 3)


def _event(place: str, identity: str, position: str, at: datetime | None = EARLY) -> dict[str, Any]:
    return {
        "event_id": place,
        "id": identity,
        "origin": {"position": position, "committed_at": at},
    }


class _Log:
    """Replays batches of which only the number matters."""

    def __init__(self, batches: int) -> None:
        self.batches = batches

    def replay(self, _: object, until: object) -> Iterator[list[RecordBatch]]:
        for number in range(self.batches):
            yield [RecordBatch("catalog.track", 0, [number], [None], [None], number + 1)]


class _Decoder:
    """Makes each batch's events."""

    def __init__(self, batches: list[list[dict[str, Any]]]) -> None:
        self.batches = batches

    def decode(self, batch: Sequence[RecordBatch], fields: frozenset[str] | None) -> Decoded:
        assert fields == frozenset({"event_id", "id", "origin"})
        (one,) = batch
        return Decoded({"TrackAdded": pl.DataFrame(self.batches[one.offsets[0]])}, [])


def _newest(*batches: list[dict[str, Any]]) -> dict[tuple[str, int], NewestEvent]:
    return newest_events(
        cast(EventLog, _Log(len(batches))),
        cast(EventDecoder, _Decoder(list(batches))),
        {},
        {TRACK},
    )


def test_the_newest_change_of_each_partition_is_found_in_whatever_order() -> None:
    found = _newest(
        [
            _event("master.public.track/3/12/0", "b", "0002"),
            _event("master.public.track/3/9/0", "a", "0001", LATE),
            _event("master.public.label/0/77/0", "l", "0009"),
        ],
        [_event("master.public.track/3/11/0", "c", "0002")],
        [_event("of another kind", "x", "0001")],
    )
    seen = frozenset({("0002", "b"), ("0002", "c")})
    assert found == {TRACK: NewestEvent(12, "0002", LATE, seen)}


def test_changes_of_one_commit_are_all_remembered() -> None:
    found = _newest(
        [
            _event("master.public.track/3/1/0", "a", "C1/1/1"),
            _event("master.public.track/3/2/0", "b", "C1/0/9", None),
            _event("master.public.track/3/0/0", "z", "C0/5/5"),
        ]
    )
    assert found[TRACK].seen == {("C1/1/1", "a"), ("C1/0/9", "b")}
    assert (found[TRACK].offset, found[TRACK].committed_at) == (2, EARLY)


def test_only_events_of_the_tables_that_lack_a_position_are_read() -> None:
    assert events_of(["master.public.label"]) == {"catalog.label"}
    assert events_of(["master.public.deal"]) == {"catalog.download", "catalog.streaming"}
    assert events_of([]) == set()


def test_where_nothing_was_translated_nothing_is_found() -> None:
    assert _newest([_event("master.public.track/4/1/0", "a", "0001")]) == {}

"""What every decoder promises: columns in order, and a bad record that is nobody else's matter."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.event_log.avro.columns import frame_schema
from adapters.event_log.avro.decoder import ColumnDecoder
from adapters.event_log.avro.encoder import AvroEventEncoder
from domain.events import Event, Origin
from domain.events.track import TrackAdded, TrackUpdated
from domain.failures import Unavailable
from domain.schemas import contract_of
from projections.ports.event_decoder import BadRecord, Decoded, EventDecoder
from projections.ports.event_log import RecordBatch
from tests.adapters.event_log.avro.dictionary import DictionaryRegistry
from tests.projections.engine import memory_log
from tests.projections.engine.memory_log import JsonDecoder

TOPIC = "catalog.track"
PLACES = {"_partition": pl.Int32(), "_offset": pl.Int64()}


@dataclass(frozen=True)
class Kind:
    """A decoder, what it can read, and the same while its schemas can't be asked for."""

    decoder: Callable[[], EventDecoder]
    value: Callable[[type[TrackAdded | TrackUpdated], str], bytes]
    away: Callable[[], EventDecoder]


def _avro(event_type: type[Event], id: str) -> bytes:
    origin = Origin(table="track", position="0")
    made = event_type(event_id="t/0/0/0", id=id, origin=origin, changed=[])
    return AvroEventEncoder(REGISTRY).encode(made)


def _json(event_type: type[Event], id: str) -> bytes:
    return memory_log.event(event_type.__name__, id)


def _json_away() -> EventDecoder:
    decoder = JsonDecoder()
    decoder.failures = 1
    return decoder


class _RegistryAway(DictionaryRegistry):
    def schema_text(self, schema_id: int) -> str:
        raise Unavailable("the registry does not answer")


REGISTRY = DictionaryRegistry()
KINDS = {
    "in memory": Kind(JsonDecoder, _json, _json_away),
    "Avro": Kind(lambda: ColumnDecoder(REGISTRY), _avro, lambda: ColumnDecoder(_RegistryAway())),
}
BAD: list[bytes | None] = [None, b"", b"no event", b"\0\0\0\0\x63?", b"{}", b"[" * 5000]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


def batch(values: Sequence[bytes | None], partition: int = 0, first: int = 0) -> RecordBatch:
    keys = [str(first + index).encode() for index in range(len(values))]
    offsets = range(first, first + len(values))
    return RecordBatch(TOPIC, partition, offsets, keys, values, first + len(values))


def events_of(kind: Kind, ids: Sequence[int]) -> list[bytes | None]:
    return [kind.value(TrackAdded, str(id)) for id in ids]


def places(decoded: Decoded, name: str) -> list[tuple[int, int, str]]:
    return list(decoded.frames[name].select("_partition", "_offset", "id").iter_rows())


def test_nothing_makes_nothing(kind: Kind) -> None:
    assert kind.decoder().decode([]) == Decoded({}, [])
    assert kind.decoder().decode([batch([])]) == Decoded({}, [])


def test_rows_stand_by_partition_and_offset(kind: Kind) -> None:
    sent = [
        batch(events_of(kind, [40, 41]), partition=2, first=40),
        batch(events_of(kind, [7]), partition=0, first=7),
    ]
    decoded = kind.decoder().decode(sent)
    assert decoded.undecodable == []
    assert places(decoded, "TrackAdded") == [(0, 7, "7"), (2, 40, "40"), (2, 41, "41")]


def test_each_type_has_its_frame_with_the_contracts_columns(kind: Kind) -> None:
    sent = [batch([kind.value(TrackAdded, "0"), kind.value(TrackUpdated, "1")])]
    frames = kind.decoder().decode(sent).frames
    assert set(frames) == {"TrackAdded", "TrackUpdated"}
    for event_type in (TrackAdded, TrackUpdated):
        columns = {**frame_schema(contract_of(event_type).newest.schema), **PLACES}
        assert dict(frames[event_type.__name__].schema) == columns


@pytest.mark.parametrize("fields", [frozenset({"title"}), frozenset({"title", "origin"})])
def test_what_is_asked_for_is_there(kind: Kind, fields: frozenset[str]) -> None:
    (frame,) = kind.decoder().decode([batch(events_of(kind, [0]))], fields).frames.values()
    assert {*fields, *PLACES} <= set(frame.columns)


@pytest.mark.parametrize("name", KINDS)
@given(st.lists(st.sampled_from([0, *BAD]), max_size=8))
def test_bad_records_keep_their_bytes_and_move_no_other(name: str, drawn: list[object]) -> None:
    kind = KINDS[name]
    values = [
        kind.value(TrackAdded, str(offset)) if value == 0 else value
        for offset, value in enumerate(drawn)
    ]
    decoded = kind.decoder().decode([batch(values, partition=3)])  # type: ignore[arg-type]
    good = [(3, offset, str(offset)) for offset, value in enumerate(drawn) if value == 0]
    assert (places(decoded, "TrackAdded") if good else []) == good
    assert decoded.undecodable == [
        BadRecord(TOPIC, 3, offset, str(offset).encode(), values[offset], bad.reason)  # type: ignore[arg-type]
        for offset, bad in zip(
            (offset for offset, value in enumerate(drawn) if value != 0),
            decoded.undecodable,
            strict=True,
        )
    ]
    assert all(0 < len(bad.reason) < 1000 for bad in decoded.undecodable)


def test_schemas_that_cant_be_asked_for_are_waited_for(kind: Kind) -> None:
    decoder = kind.away()
    with pytest.raises(Unavailable):
        decoder.decode([batch(events_of(kind, [0]))])

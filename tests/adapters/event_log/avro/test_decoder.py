"""Events as columns: equal values, in order, whatever stands beside them."""

import dataclasses
import io
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import fastavro
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.event_log.avro import decoder as decoder_module
from adapters.event_log.avro.container import read_block
from adapters.event_log.avro.decoder import ColumnDecoder
from adapters.event_log.avro.encoder import AvroEventEncoder
from adapters.event_log.avro.objects import RecordReader, Undecodable
from adapters.event_log.avro.wire import UnknownSchemaId, varint
from domain.events import EVENT_TYPES, Event, Origin, Price, topic_of
from domain.events.download import DownloadOffered
from domain.events.track import TrackAdded, TrackUpdated
from domain.failures import Unavailable
from domain.schemas import contract_of, full_name
from projections.ports.event_decoder import BadRecord
from projections.ports.event_log import RecordBatch
from tests.adapters.event_log.avro.dictionary import DictionaryRegistry
from tests.adapters.event_log.avro.events import event_from_mapping
from tests.domain.events.strategies import events

REGISTRY = DictionaryRegistry()
ENCODER = AvroEventEncoder(REGISTRY)


def batch(
    records: Sequence[tuple[bytes | None, bytes | None]],
    *,
    topic: str = "catalog.track",
    partition: int = 0,
    first: int = 0,
) -> RecordBatch:
    keys, values = zip(*records, strict=True) if records else ((), ())
    offsets = range(first, first + len(records))
    return RecordBatch(topic, partition, offsets, keys, values, first + len(records))


def record(event: Event) -> tuple[bytes, bytes]:
    return event.id.encode(), ENCODER.encode(event)


def track(number: int, **fields: Any) -> TrackAdded:
    return TrackAdded(
        event_id=f"master.public.track/0/{number}/0",
        id=str(number),
        origin=Origin(table="track", position=str(number)),
        changed=[],
        **fields,
    )


def back(name: str, row: dict[str, Any]) -> Event:
    """The event that a row stands for."""
    (event_type,) = [event for event in EVENT_TYPES if event.__name__ == name]
    del row["_partition"], row["_offset"]
    return event_from_mapping(full_name(event_type), row)


@settings(max_examples=200)
@given(st.lists(events(), min_size=1, max_size=12), st.data())
def test_every_event_survives_columns(written: list[Event], data: st.DataObject) -> None:
    batches, expected = [], {}
    by_topic: dict[str, list[Event]] = {}
    for event in written:
        by_topic.setdefault(topic_of(event.SUBJECT), []).append(event)
    for topic, its in by_topic.items():
        cut = data.draw(st.integers(0, len(its)))
        batches.append(batch([record(event) for event in its[cut:]], topic=topic, partition=1))
        batches.append(batch([record(event) for event in its[:cut]], topic=topic, first=5))
        for index, event in enumerate(its):
            place = (0, 5 + index) if index < cut else (1, index - cut)
            expected[(topic, *place)] = event
    decoded = ColumnDecoder(REGISTRY).decode(batches)
    assert decoded.undecodable == []
    found = {}
    for name, frame in decoded.frames.items():
        places = list(zip(frame["_partition"], frame["_offset"], strict=True))
        assert places == sorted(places)
        for place, row in zip(places, frame.rows(named=True), strict=True):
            event = back(name, row)
            found[(topic_of(event.SUBJECT), *place)] = event
    assert found == expected


@settings(max_examples=200)
@given(st.lists(events(TrackAdded), min_size=1, max_size=6), st.data())
def test_fields_that_are_not_asked_for_are_left_out(
    written: list[Event], data: st.DataObject
) -> None:
    names = [field.name for field in dataclasses.fields(TrackAdded)]
    asked = data.draw(st.frozensets(st.sampled_from(names)))
    batches = [batch([record(event) for event in written])]
    whole = ColumnDecoder(REGISTRY).decode(batches).frames["TrackAdded"]
    some = ColumnDecoder(REGISTRY).decode(batches, asked | {"no field of it"}).frames["TrackAdded"]
    assert set(some.columns) == {*asked, "id", "_partition", "_offset"}
    assert some.equals(whole.select(some.columns))


def test_columns_have_the_contracts_types() -> None:
    frame = (
        ColumnDecoder(REGISTRY)
        .decode([batch([record(track(1))]), batch([], partition=2)])
        .frames["TrackAdded"]
    )
    assert frame.schema["origin"] == pl.Struct(
        {
            "table": pl.String,
            "position": pl.String,
            "transaction": pl.String,
            "committed_at": pl.Datetime("us", "UTC"),
            "message": pl.String,
        }
    )
    assert frame.schema["_partition"] == pl.Int32
    assert frame.schema["_offset"] == pl.Int64
    assert frame.schema["title"] == pl.String, "though it is null everywhere"


GOOD = [record(track(number, title=f"Title {number}")) for number in range(8)]
OTHER = record(TrackUpdated(**vars(track(99))))
BAD: dict[str, tuple[bytes | None, bytes | None, str]] = {
    "tombstone": (b"1", None, "tombstone"),
    "empty": (b"1", b"", "wire format"),
    "not framed": (b"1", b'{"id": "1"}', "wire format"),
    "unknown schema id": (b"1", b"\0\0\0\0\x07abc", "no schema has id 7"),
    "id out of range": (b"1", b"\0\xff\xff\xff\xffabc", "wire format"),
    "header only": (GOOD[0][0], GOOD[0][1][:5], "not Avro of TrackAdded"),
    "truncated": (GOOD[0][0], GOOD[0][1][:-3], "not Avro of TrackAdded"),
    "padded": (GOOD[0][0], GOOD[0][1] + b"\0", "1 bytes follow"),
    "twice": (GOOD[0][0], GOOD[0][1] + GOOD[0][1][5:], "bytes follow"),
    "two in one": (GOOD[0][0], GOOD[0][1] + GOOD[1][1][5:], "bytes follow"),
    "key of another row": (b"7", GOOD[0][1], "is not the event's id '0'"),
    "no key": (None, GOOD[0][1], "key None"),
    "bad branch": (GOOD[0][0], GOOD[0][1][:5] + b"\x02a\x020\xff\xff", "not Avro"),
    "bad text": (b"0", GOOD[0][1].replace(b"Title 0", b"Title \xff"), "not Avro"),
    "huge length": (b"0", GOOD[0][1][:5] + b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f", "not Avro"),
}


SOME = frozenset({"title", "event_id"})


@pytest.mark.parametrize("fields", [None, SOME])
@pytest.mark.parametrize(
    ("kind", "at"),
    [
        (kind, at)
        for kind in BAD
        for at in (0, 3, 8)
        if (kind, at) != ("twice", 8)  # what nothing follows can shift nothing: it is read well
    ],
)
def test_bad_record_spoils_no_other(kind: str, at: int, fields: frozenset[str] | None) -> None:
    key, value, reason = BAD[kind]
    records: list[tuple[bytes | None, bytes | None]] = [*GOOD[:at], (key, value), *GOOD[at:]]
    sent = [batch([*records, OTHER], partition=3, first=40)]
    decoded = ColumnDecoder(REGISTRY).decode(sent, fields)
    (bad,) = decoded.undecodable
    assert reason in bad.reason
    assert bad == BadRecord("catalog.track", 3, 40 + at, key, value, bad.reason)
    frame = decoded.frames["TrackAdded"]
    assert frame["title"].to_list() == [f"Title {number}" for number in range(8)]
    assert frame["_offset"].to_list() == [40 + i for i in range(9) if i != at]
    assert decoded.frames["TrackUpdated"]["id"].to_list() == ["99"]


@settings(max_examples=300)
@given(st.integers(0, 2**32), st.integers(1, 4), st.sampled_from([None, SOME]))
def test_corrupted_bytes_never_move_a_neighbour(
    seed: int, damages: int, fields: frozenset[str] | None
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    records = [(key, bytearray(value)) for key, value in GOOD]
    hit = chance.randrange(len(records))
    for _ in range(damages):
        body = records[hit][1]
        at = chance.randrange(5, len(body))
        match chance.randrange(3):
            case 0:
                body[at] = chance.randrange(256)
            case 1:
                del body[at]
            case _:
                body.insert(at, chance.randrange(256))
    sent = [batch([(key, bytes(value)) for key, value in records])]
    decoded = ColumnDecoder(REGISTRY).decode(sent, fields)
    titles = {
        offset: title
        for frame in decoded.frames.values()
        for offset, title in zip(frame["_offset"], frame["title"], strict=True)
        if offset != hit
    }
    assert titles == {n: f"Title {n}" for n in range(len(GOOD)) if n != hit}


def _written_with(schema: dict[str, Any], event: Event, **more: Any) -> bytes:
    written = io.BytesIO()
    values = dataclasses.asdict(event) | more
    fastavro.schemaless_writer(written, fastavro.parse_schema(schema), values)
    return b"\0" + REGISTRY.add(json.dumps(schema)).to_bytes(4, "big") + written.getvalue()


def _fields(schema: dict[str, Any], name: str) -> dict[str, Any]:
    (field,) = [field for field in schema["fields"] if field["name"] == name]
    return dict(field)


def test_other_versions_of_a_contract_come_in_the_readers_columns() -> None:
    schema = json.loads(contract_of(TrackAdded).newest.text)
    schema["fields"] = [field for field in schema["fields"] if field["name"] != "url"]
    schema["fields"].append({"name": "mood", "type": ["null", "string"], "default": None})
    origin = _fields(schema, "origin")["type"]
    origin["fields"] = [f for f in origin["fields"] if f["name"] != "message"]
    origin["fields"].append({"name": "author", "type": "string", "default": ""})
    foreign = _written_with(
        schema,
        track(2, title="Two"),
        mood="calm",
        origin={"table": "track", "position": "2", "author": "me"},
    )
    records = [record(track(1, title="One", url="u")), (b"2", foreign), record(track(3))]
    frame = ColumnDecoder(REGISTRY).decode([batch(records)]).frames["TrackAdded"]
    assert frame["_offset"].to_list() == [0, 1, 2]
    assert [back("TrackAdded", row) for row in frame.rows(named=True)] == [
        track(1, title="One", url="u"),
        track(2, title="Two"),
        track(3),
    ]


def test_records_inside_lists_are_brought_to_the_readers_schema() -> None:
    schema = json.loads(contract_of(DownloadOffered).newest.text)
    price = _fields(schema, "prices")["type"][1]["items"]
    price["fields"] = [field for field in price["fields"] if field["name"] != "code"]
    offer = DownloadOffered(
        event_id="e", id="1", origin=track(1).origin, changed=[], prices=[Price(currency="EUR")]
    )
    without = dataclasses.replace(offer, id="2", prices=None)
    values = [
        (b"1", _written_with(schema, offer)),
        (b"2", _written_with(schema, without)),
        record(dataclasses.replace(offer, id="3", prices=[Price(code="A"), Price()])),
    ]
    decoded = ColumnDecoder(REGISTRY).decode([batch(values, topic="catalog.download")])
    assert decoded.undecodable == []
    rows = decoded.frames["DownloadOffered"].rows(named=True)
    found = [back("DownloadOffered", row) for row in rows]
    assert found == [
        offer,
        without,
        dataclasses.replace(offer, id="3", prices=[Price(code="A"), Price()]),
    ]


def test_event_type_of_a_later_version_is_set_aside() -> None:
    schema = json.loads(contract_of(TrackAdded).newest.text) | {"name": "TrackMoved"}
    value = _written_with(schema, track(1))
    decoded = ColumnDecoder(REGISTRY).decode([batch([(b"1", value), GOOD[2]])])
    assert "TrackMoved" in decoded.undecodable[0].reason
    assert decoded.frames["TrackAdded"].height == 1


def foreign(text: str) -> int:
    """The id of a schema that somebody registered."""
    return REGISTRY.add(text)


def track_schema(**types: Any) -> str:
    """The contract of TrackAdded with fields of other types; None: without that field."""
    schema = json.loads(contract_of(TrackAdded).newest.text)
    schema["fields"] = [
        {**field, "type": types.get(field["name"], field["type"])}
        for field in schema["fields"]
        if types.get(field["name"], "") is not None
    ]
    return json.dumps(schema)


FOREIGN = {
    "a string": '"string"',
    "a union": '["null", "string"]',
    "Protobuf": 'syntax = "proto3"; message X {}',
    "empty": "",
    "JSON schema": '{"type": "object"}',
    "deep": "[" * 100_000,
    "a number": "7",
    "a record without a name": '{"type": "record", "fields": []}',
    "id is a number": track_schema(id="long"),
    "id is missing": track_schema(id=None),
    "a field is missing": track_schema(event_id=None),
    "a field of another type": track_schema(duration_ms="string"),
    "a type that no column has": track_schema(title={"type": "map", "values": "string"}),
}


@pytest.mark.parametrize("fields", [None, frozenset({"title", "event_id", "duration_ms"})])
@pytest.mark.parametrize("kind", FOREIGN)
def test_records_of_foreign_schemas_are_set_aside(kind: str, fields: frozenset[str] | None) -> None:
    value = b"\0" + foreign(FOREIGN[kind]).to_bytes(4, "big") + b"\x06foo"
    decoder = ColumnDecoder(REGISTRY)
    for _ in range(2):
        decoded = decoder.decode([batch([GOOD[0], (b"k", value), GOOD[1]])], fields)
        assert [bad.offset for bad in decoded.undecodable] == [1]
        assert 0 < len(decoded.undecodable[0].reason) < 1_500
        assert decoded.frames["TrackAdded"]["_offset"].to_list() == [0, 2]


@pytest.mark.parametrize("kind", ["a string", "a union", "Protobuf", "empty", "deep", "a number"])
def test_foreign_records_can_be_explained(kind: str) -> None:
    value = b"\0" + foreign(FOREIGN[kind]).to_bytes(4, "big") + b"\x06foo"
    with pytest.raises(Undecodable, match="is no Avro record"):
        RecordReader(REGISTRY).read(value)


def test_an_unknown_schema_is_asked_for_again() -> None:
    class Late(DictionaryRegistry):
        def __init__(self) -> None:
            super().__init__()
            self.late = True

        def schema_text(self, schema_id: int) -> str:
            if self.late:
                raise UnknownSchemaId("not yet")
            return super().schema_text(schema_id)

    registry = Late()
    decoder = ColumnDecoder(registry)
    assert len(decoder.decode([batch(GOOD)]).undecodable) == len(GOOD)
    registry.late = False
    assert decoder.decode([batch(GOOD)]).undecodable == []


def test_a_registry_that_is_away_blames_no_record() -> None:
    class Away(DictionaryRegistry):
        def schema_text(self, schema_id: int) -> str:
            raise Unavailable("no answer")

    with pytest.raises(Unavailable):
        ColumnDecoder(Away()).decode([batch(GOOD)])


def test_a_huge_key_makes_no_huge_reason() -> None:
    (bad,) = ColumnDecoder(REGISTRY).decode([batch([(b"k" * 9_000, GOOD[0][1])])]).undecodable
    assert "is not the event's id '0'" in bad.reason
    assert len(bad.reason) < 300


def test_a_block_with_a_row_too_many_or_too_few_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever made polars lose, add or shift a row at the end: the keys would still fit."""
    plain = read_block

    def one_less(header: bytes, bodies: Sequence[bytes], columns: list[str]) -> pl.DataFrame:
        frame = plain(header, bodies, columns)
        return frame if len(bodies) == 2 else frame.head(frame.height - 1)

    def one_more(header: bytes, bodies: Sequence[bytes], columns: list[str]) -> pl.DataFrame:
        frame = plain(header, bodies, columns)
        return frame if len(bodies) == 2 else pl.concat([frame, frame.tail(1)])

    def another_end(header: bytes, bodies: Sequence[bytes], columns: list[str]) -> pl.DataFrame:
        frame = plain(header, bodies, columns)
        if len(bodies) == 2:
            return frame
        return frame.with_columns(
            pl.when(pl.int_range(pl.len()) < pl.len() - 1).then("title").alias("title")
        )

    same = [GOOD[0], GOOD[0], GOOD[0]]
    for wrong in (one_less, one_more, another_end):
        calls: list[int] = []

        def counted(
            header: bytes,
            bodies: Sequence[bytes],
            columns: list[str],
            wrong: Any = wrong,
            calls: list[int] = calls,
        ) -> pl.DataFrame:
            calls.append(len(bodies))
            return cast(pl.DataFrame, wrong(header, bodies, columns))

        monkeypatch.setattr(decoder_module, "read_block", counted)
        decoded = ColumnDecoder(REGISTRY).decode([batch(same)])
        assert decoded.undecodable == []
        assert decoded.frames["TrackAdded"]["_offset"].to_list() == [0, 1, 2]
        # the block, the block of those that fastavro can read, and then each by itself
        assert calls == [4, 4, 2, 2, 2]


def test_where_only_columns_cant_be_made_a_record_is_set_aside_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = read_block

    def disagreeing(header: bytes, bodies: Sequence[bytes], columns: list[str]) -> pl.DataFrame:
        if any(b"Title 3" in body for body in bodies):
            raise pl.exceptions.ComputeError("polars reads it another way")
        return plain(header, bodies, columns)

    monkeypatch.setattr(decoder_module, "read_block", disagreeing)
    decoded = ColumnDecoder(REGISTRY).decode([batch(GOOD)])
    assert [(bad.offset, bad.reason) for bad in decoded.undecodable] == [
        (3, "cannot be decoded to columns, or holds a date outside of the years 1 to 9999")
    ]
    frame = decoded.frames["TrackAdded"]
    assert frame["title"].to_list() == [f"Title {n}" for n in range(8) if n != 3]
    assert frame["_offset"].to_list() == [n for n in range(8) if n != 3]


@pytest.mark.parametrize("microseconds", [2**62, -(2**62), 253_402_300_800_000_000])
def test_an_instant_that_no_reader_can_hold_is_the_records_fault(microseconds: int) -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    held = track(1, title="held")
    held = dataclasses.replace(held, origin=dataclasses.replace(held.origin, committed_at=last))
    key, value = record(held)
    known = varint((last - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
    assert value.count(known) == 1
    far = value.replace(known, varint(microseconds))
    decoded = ColumnDecoder(REGISTRY).decode([batch([GOOD[2], (key, far), (key, value)])])
    assert [(bad.offset, "years 1 to 9999" in bad.reason) for bad in decoded.undecodable] == [
        (1, True)
    ]
    assert decoded.frames["TrackAdded"]["_offset"].to_list() == [0, 2]
    assert decoded.frames["TrackAdded"].row(1, named=True)["origin"]["committed_at"] == last

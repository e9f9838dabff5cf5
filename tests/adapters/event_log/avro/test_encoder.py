"""The fast encoder writes what fastavro writes, refuses what does not fit, and asks once."""

import dataclasses
import io
import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.event_log.avro.encoder import AvroEventEncoder, Unencodable, encoder
from adapters.event_log.avro.objects import RecordReader
from adapters.event_log.avro.wire import NotRegistered, varint
from domain.events import EVENT_TYPES, Event, Origin, Price
from domain.events.download import DownloadOffered
from domain.events.track import TrackAdded
from domain.schemas import contract_of, full_name
from tests.adapters.event_log.avro.dictionary import DictionaryRegistry
from tests.adapters.event_log.avro.events import event_from_mapping
from tests.domain.events.strategies import events

REGISTRY = DictionaryRegistry()
ENCODER = AvroEventEncoder(REGISTRY)
PARSED = {event: fastavro.parse_schema(contract_of(event).newest.schema) for event in EVENT_TYPES}
TRACK = TrackAdded(
    event_id="t/0/1/0", id="1", origin=Origin(table="track", position="1"), changed=["title"]
)


@settings(max_examples=300)
@given(events())
def test_bytes_read_as_fastavros(event: Event) -> None:
    # Not byte by byte: fastavro spends a byte too many on decimals such as -128 units.
    schema = PARSED[type(event)]
    expected = io.BytesIO()
    fastavro.schemaless_writer(expected, schema, dataclasses.asdict(event))
    expected.seek(0)
    value = ENCODER.encode(event)
    newest = contract_of(type(event)).newest.text
    assert REGISTRY.schema_text(int.from_bytes(value[:5], "big")) == newest
    written = io.BytesIO(value[5:])
    assert fastavro.schemaless_reader(written, schema, None) == fastavro.schemaless_reader(
        expected, schema, None
    )
    assert written.read() == b""


@settings(max_examples=200)
@given(events())
def test_event_survives_the_trip_to_bytes_and_back(event: Event) -> None:
    name, fields = RecordReader(REGISTRY).read(ENCODER.encode(event))
    assert name == full_name(type(event))
    assert event_from_mapping(name, fields) == event


@pytest.mark.parametrize("number", [-1, 4095, 4096])
def test_sizes_that_are_not_kept_ready_are_written_too(number: int) -> None:
    long = "é" * abs(number)
    event = dataclasses.replace(TRACK, id=long, title=long, disc_number=number)
    assert event_from_mapping(*RecordReader(REGISTRY).read(ENCODER.encode(event))) == event


@given(st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1))
def test_varint_is_fastavros(number: int) -> None:
    expected = io.BytesIO()
    fastavro.schemaless_writer(expected, "long", number)
    assert varint(number) == expected.getvalue()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": 5}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"id": None}, "id"),
        ({"disc_number": 1 << 63}, "disc_number"),
        ({"disc_number": "1"}, "disc_number"),
        ({"popularity": "high"}, "popularity"),
        ({"changed": [None]}, "changed"),
        ({"origin": None}, "origin"),
        (
            {"origin": Origin(table="t", position="1", committed_at=datetime(2026, 1, 1))},
            "origin",
        ),
    ],
)
def test_value_that_does_not_fit_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Unencodable, match=f"TrackAdded .*: field {field}: "):
        ENCODER.encode(dataclasses.replace(TRACK, **change))


@pytest.mark.parametrize("amount", ["0.0000001", "1000000000000", "NaN", "Infinity"])
def test_amount_that_would_be_rounded_is_refused(amount: str) -> None:
    offer = DownloadOffered(
        event_id="e",
        id="1",
        origin=TRACK.origin,
        changed=[],
        prices=[Price(amount=Decimal(amount))],
    )
    with pytest.raises(Unencodable, match="prices"):
        ENCODER.encode(offer)


def test_ids_are_asked_for_once() -> None:
    registry = DictionaryRegistry()
    encode = AvroEventEncoder(registry)
    encode.prepare([TrackAdded])
    for _ in range(3):
        encode.encode(TRACK)
    assert registry.lookups == 1


def test_unregistered_contract_is_an_error() -> None:
    registry = DictionaryRegistry()
    registry.texts.clear()
    with pytest.raises(NotRegistered, match=r"catalog\.track\.TrackAdded"):
        AvroEventEncoder(registry).encode(TRACK)


def test_type_that_no_event_uses_is_named() -> None:
    with pytest.raises(NotImplementedError, match="map"):
        encoder({"type": "map", "values": "string"})


def test_future_fields_and_missing_ones() -> None:
    grown = json.loads(contract_of(TrackAdded).newest.text)
    grown["fields"] = [field for field in grown["fields"] if field["name"] != "title"]
    grown["fields"].append({"name": "mood", "type": "string", "default": ""})
    written = io.BytesIO()
    fastavro.schemaless_writer(
        written, fastavro.parse_schema(grown), dataclasses.asdict(TRACK) | {"mood": "calm"}
    )
    registry = DictionaryRegistry()
    number = registry.add(json.dumps(grown))
    name, fields = RecordReader(registry).read(
        b"\0" + number.to_bytes(4, "big") + written.getvalue()
    )
    assert fields["mood"] == "calm"
    assert event_from_mapping(name, fields) == TRACK

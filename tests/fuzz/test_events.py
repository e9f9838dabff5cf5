"""Odd event records beside good ones, through the decoder: nothing is lost, shifted or spoilt."""

import json
from random import Random
from typing import Any, NamedTuple

from adapters.capture.records import DebeziumReader
from adapters.event_log.avro.decoder import ColumnDecoder
from adapters.event_log.avro.encoder import AvroEventEncoder
from domain.failures import LONGEST_REASON
from domain.schemas import contracts
from projections.ports.change_reader import Skip
from projections.ports.event_decoder import Decoded
from projections.ports.event_log import RecordBatch
from projections.ports.event_writer import OutgoingEvent
from projections.translation.interpreter import Interpreter
from tests.adapters.event_log.avro.dictionary import DictionaryRegistry
from tests.chain.size import Size
from tests.fuzz.changes import good
from tests.fuzz.mutations import altered, damaged

_REGISTRY = DictionaryRegistry()
_FOREIGN = [
    _REGISTRY.add(text)
    for text in (
        '"string"', '["null", "string"]', "", "{", "null", "[]", "7", 'syntax = "proto3";',
        '{"type": "record", "name": "Other", "fields": []}',
        '{"type": "record", "name": "TrackAdded", "namespace": "catalog.track", "fields": []}',
        '{"type": "record", "name": "TrackAdded", "namespace": "catalog.track", "fields":'
        ' [{"name": "id", "type": "long"}]}',
        '{"type": "record", "name": "TrackAdded", "namespace": "catalog.track", "fields":'
        ' [{"name": "id", "type": "string"}, {"name": "origin", "type": "TrackAdded"}]}',
    )
]  # fmt: skip
_TEXTS = [version.text for contract in contracts() for version in contract.versions]
_RECORDS = 250
"""Of one seed; some 50 of a batch."""


class Record(NamedTuple):
    """What Kafka holds."""

    topic: str
    key: bytes | None
    value: bytes | None
    is_good: bool


def _events(chance: Random, count: int) -> list[OutgoingEvent]:
    """Events of good changes."""
    interpreter = Interpreter(DebeziumReader(), AvroEventEncoder(_REGISTRY))
    events: list[OutgoingEvent] = []
    while len(events) < count:
        made = good(chance, str(len(events)))
        change = interpreter.change(made.topic, 0, len(events), made.key, made.value)
        if not isinstance(change, Skip):
            events += interpreter.events(change)
    return events[:count]


def _record(chance: Random, event: OutgoingEvent, others: list[OutgoingEvent]) -> Record:
    if chance.random() < 0.6:
        return Record(*event, is_good=True)
    key: bytes | None = event.key
    value: bytes | None = event.value
    body = event.value[5:]
    match chance.randrange(8):
        case 0:
            value = _framed(chance.choice(_FOREIGN), body)
        case 1:
            value = _framed(chance.randrange(2**32), body)
        case 2:
            value = _framed(100 + chance.randrange(len(_TEXTS)), body)
        case 3:
            key = chance.choice((None, b"", damaged(chance, event.key), chance.randbytes(9_000)))
        case 4:
            value = chance.choice((None, b"", b"\0", b"{}"))
        case 5:
            other = chance.choice(others).value
            value = event.value + chance.choice((other, other[5:]))
        case _:
            value = event.value[:5] + damaged(chance, body)
    return Record(event.topic, key, value, is_good=False)


def _framed(schema_id: int, body: bytes) -> bytes:
    return b"\0" + schema_id.to_bytes(4, "big") + body


def _rows(decoded: Decoded) -> dict[tuple[int, int], Any]:
    """Event type and row by partition and offset; one topic each."""
    found: dict[tuple[int, int], Any] = {}
    for name, frame in decoded.frames.items():
        for row in frame.rows(named=True):
            place = (row["_partition"], row["_offset"])
            assert place not in found, "a record is decoded once"
            found[place] = (name, row)
    return found


def test_odd_events_spoil_nothing(size: Size) -> None:
    decoder = ColumnDecoder(_REGISTRY)
    for seed in range(size.fuzzed // _RECORDS):
        chance = Random(seed)  # noqa: S311 - no secret
        events = _events(chance, _RECORDS)
        records = [_record(chance, event, events) for event in events]
        for topic in sorted({record.topic for record in records}):
            of_topic = [record for record in records if record.topic == topic]
            _judge(decoder, topic, of_topic, f"seed {seed}, {topic}")


def _judge(decoder: ColumnDecoder, topic: str, records: list[Record], where: str) -> None:
    half = len(records) // 2
    batches = [
        RecordBatch(
            topic,
            partition,
            range(len(part)),
            [record.key for record in part],
            [record.value for record in part],
            len(part),
        )
        for partition, part in enumerate((records[:half], records[half:]))
    ]
    decoded = decoder.decode(batches)
    rows = _rows(decoded)
    bad = {(one.partition, one.offset): one for one in decoded.undecodable}
    assert len(bad) == len(decoded.undecodable), where
    assert not rows.keys() & bad.keys(), where
    assert len(rows) + len(bad) == len(records), where
    places = [
        (partition, offset)
        for partition, batch in enumerate(batches)
        for offset in range(len(batch.values))
    ]
    for place, record in zip(places, records, strict=True):
        if record.is_good:
            assert place in rows, f"{where}, {place}: {bad.get(place)}"
            assert rows[place] == _alone(decoder, topic, record, place), f"{where}, {place}"
        elif place in bad:
            assert (bad[place].key, bad[place].value) == (record.key, record.value), where
            assert 0 < len(bad[place].reason) <= LONGEST_REASON + 100, where
        else:
            assert record.key == rows[place][1]["id"].encode(), where


def _alone(decoder: ColumnDecoder, topic: str, record: Record, place: tuple[int, int]) -> Any:
    partition, offset = place
    batch = RecordBatch(topic, partition, [offset], [record.key], [record.value], offset + 1)
    return _rows(decoder.decode([batch]))[place]


def test_odd_schemas_are_the_records_fault(size: Size) -> None:
    """A registry may hold any text, also one that is nearly a contract of ours."""
    event = _events(Random(0), 1)[0]  # noqa: S311 - no secret
    for seed in range(size.fuzzed // 10):
        chance = Random(seed)  # noqa: S311 - no secret
        registry = DictionaryRegistry()
        schema = json.loads(chance.choice(_TEXTS))
        number = registry.add(json.dumps(altered(chance, schema)))
        records = [
            Record(event.topic, event.key, event.value, is_good=True),
            Record(event.topic, event.key, _framed(number, event.value[5:]), is_good=False),
            Record(event.topic, event.key, event.value, is_good=True),
        ]
        _judge(ColumnDecoder(registry), event.topic, records, f"seed {seed}")

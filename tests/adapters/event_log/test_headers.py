"""Records' headers: read and written where tracing is on, never touched where it is off."""

from typing import Any, cast

import pytest
from confluent_kafka import Message, TopicPartition

from adapters.event_log import event_writer, subscription
from adapters.event_log.change_log import batch_of
from adapters.event_log.event_writer import KafkaEventWriter
from adapters.event_log.reading import BatchLimits
from adapters.event_log.subscription import GroupSubscription
from projections.ports.event_writer import OutgoingEvent
from tests.adapters.telemetry.test_spans import SOURCE, TOPIC


class _Sealed(Message):
    """Nobody may read its headers."""

    def headers(self) -> Any:
        raise AssertionError("headers were read")


def _record(topic: str, kind: type[Message] = Message) -> Message:
    return kind(topic=topic, partition=0, offset=0, key=b"1", value=b"{}", timestamp=(1, 0))


class _Producer:
    """Remembers what was produced."""

    def __init__(self) -> None:
        self.produced: list[tuple[tuple[object, ...], dict[str, object]]] = []

    def produce(self, *given: object, **named: object) -> None:
        self.produced.append((given, named))

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def _writer(monkeypatch: pytest.MonkeyPatch) -> tuple[KafkaEventWriter, _Producer]:
    producer = _Producer()
    monkeypatch.setattr(event_writer, "transactional_producer", lambda *_: producer)
    return KafkaEventWriter({}, "1"), producer


def test_off_events_are_written_without_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    writer, producer = _writer(monkeypatch)
    writer.write(OutgoingEvent(TOPIC, b"1", b"one"))
    assert producer.produced == [((TOPIC, b"one", b"1"), {"timestamp": 0, "headers": None})]


def test_on_they_carry_them(monkeypatch: pytest.MonkeyPatch) -> None:
    writer, producer = _writer(monkeypatch)
    writer.write(OutgoingEvent(TOPIC, b"1", b"one"), [("traceparent", b"00")])
    assert producer.produced == [
        ((TOPIC, b"one", b"1"), {"timestamp": 0, "headers": [("traceparent", b"00")]})
    ]


def test_headers_of_changes_are_read_only_when_asked_for() -> None:
    batch = batch_of((SOURCE, 0), [_record(SOURCE, _Sealed)])
    assert (list(batch.offsets), list(batch.keys)) == ([0], [b"1"])
    with pytest.raises(AssertionError, match="headers were read"):
        batch.details(0)


class _Consumer:
    """Hands over what it is given, in one chunk."""

    def __init__(self, records: list[Message]) -> None:
        self._chunks = [records]

    def consume(self, _: int, __: float) -> list[Message]:
        return self._chunks.pop() if self._chunks else []

    def position(self, asked: list[TopicPartition]) -> list[TopicPartition]:
        return [TopicPartition(one.topic, one.partition, 1) for one in asked]

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


@pytest.mark.parametrize("is_on", [False, True])
def test_records_of_a_group_are_told_of_only_when_somebody_asks(
    is_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = _record(TOPIC, _Sealed)
    consumer = _Consumer([record])
    told: list[Message] = []
    monkeypatch.setattr(subscription, "Consumer", lambda _: consumer)
    group = GroupSubscription(
        {}, [TOPIC], lambda _: {(TOPIC, 0): 0}, lambda _: None, BatchLimits(),
        told.extend if is_on else None,
    )  # fmt: skip
    group._assigned(cast(Any, consumer), [TopicPartition(TOPIC, 0)])
    (batch,) = group.poll(0)
    assert (list(batch.offsets), told) == ([0], [record] if is_on else [])

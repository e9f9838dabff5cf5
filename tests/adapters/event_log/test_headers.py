"""Records' headers: read and written where tracing is on, never touched where it is off."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from adapters.capture.change_log import CaptureMember, PartitionMemory
from adapters.capture.interpreter import Interpreter, Outgoing
from adapters.capture.translator import Progress, _Aborted, _Translator
from adapters.event_log import subscription
from adapters.event_log.reading import Limits
from adapters.event_log.subscription import GroupSubscription
from adapters.telemetry.spans import ChangeSpans
from domain.changes import Change
from domain.translation.repeats import Repeats
from projections.ports.dead_letters import DeadLetters
from tests.adapters.telemetry.spans import Memory
from tests.adapters.telemetry.test_spans import SOURCE, TOPIC, change


class _Sealed(Message):
    """Nobody may read its headers."""

    def headers(self) -> Any:
        raise AssertionError("headers were read")


def _record(topic: str, kind: type[Message] = Message) -> Message:
    return kind(topic=topic, partition=0, offset=0, key=b"1", value=b"{}", timestamp=(1, 0))


class _Producer:
    """Remembers what was produced, and refuses to commit when told to."""

    def __init__(self) -> None:
        self.produced: list[tuple[tuple[object, ...], dict[str, object]]] = []
        self.refuses = False

    def produce(self, *given: object, **named: object) -> None:
        self.produced.append((given, named))

    def commit_transaction(self, _: float) -> None:
        if self.refuses:
            raise KafkaException(KafkaError(KafkaError._STATE, "no"))

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


class _Member:
    def __init__(self) -> None:
        self.partitions = {(SOURCE, 0): PartitionMemory(0, Repeats.from_text(None), (0, None))}

    def rewind(self, _: Sequence[Message]) -> None:
        self.partitions[SOURCE, 0].next_offset = 0
        self.partitions[SOURCE, 0].repeats = Repeats.from_text(None)

    def offsets(self) -> list[TopicPartition]:
        return []

    def note_committed(self, _: Sequence[TopicPartition]) -> None:
        pass


class _Interpreter:
    def change(self, *_: object) -> Change:
        return change()

    def events(self, _: Change) -> list[Outgoing]:
        return [Outgoing(TOPIC, b"1", b"one"), Outgoing(TOPIC, b"1", b"two")]


class _Letters:
    def parked_keys(self, *_: object) -> set[bytes]:
        return set()


def _translator(producer: _Producer, traces: ChangeSpans | None) -> _Translator:
    return _Translator(
        cast(Producer, producer),
        cast(CaptureMember, _Member()),
        cast(Interpreter, _Interpreter()),
        cast(DeadLetters, _Letters()),
        Progress(),
        traces,
    )


def test_off_translation_neither_reads_nor_writes_headers() -> None:
    producer = _Producer()
    _translator(producer, None)._transact([_record(SOURCE, _Sealed)])
    assert producer.produced == [((TOPIC, b"one", b"1"), {}), ((TOPIC, b"two", b"1"), {})]


def test_on_all_events_of_a_change_carry_its_trace() -> None:
    producer, memory = _Producer(), Memory()
    translator = _translator(producer, ChangeSpans(memory.tracer, 1.0))
    translator._transact([_record(SOURCE)])
    (one, two) = [named["headers"] for _, named in producer.produced]
    assert one == two
    assert [name for name, _ in cast(list[tuple[str, bytes]], one)] == ["traceparent"]
    assert sorted(memory.names()) == ["capture", "translate"]


def test_an_aborted_transaction_tells_no_span() -> None:
    producer, memory = _Producer(), Memory()
    translator = _translator(producer, ChangeSpans(memory.tracer, 1.0))
    message = _record(SOURCE)
    producer.refuses = True
    with pytest.raises(_Aborted):
        translator._transact([message])
    assert memory.names() == []
    producer.refuses = False
    translator._transact([message])
    assert sorted(memory.names()) == ["capture", "translate"]


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
        {}, [TOPIC], lambda _: {(TOPIC, 0): 0}, lambda _: None, Limits(),
        told.extend if is_on else None,
    )  # fmt: skip
    group._assigned(cast(Any, consumer), [TopicPartition(TOPIC, 0)])
    (batch,) = group.poll(0)
    assert (list(batch.offsets), told) == ([0], [record] if is_on else [])

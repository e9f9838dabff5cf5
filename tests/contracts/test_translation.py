"""What change logs and event writers promise the translating engine: one suite for memory and for
Kafka."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient

from adapters.composition.endpoints import Endpoints
from adapters.event_log.change_log import ChangeGroup, KafkaChangeLog, KafkaGroupPositions
from adapters.event_log.event_writer import KafkaEventWriter
from adapters.event_log.producer import producer
from adapters.event_log.topic_plans import TopicPlan
from adapters.event_log.topics import Topics
from domain.failures import Unavailable
from projections.ports.change_log import (
    ChangeBatch,
    ChangeLog,
    GroupPositions,
    OnAssign,
    OnLost,
    Position,
    Superseded,
)
from projections.ports.event_log import TopicPartition as Partition
from projections.ports.event_writer import EventTooLarge, EventWriter, OutgoingEvent
from tests.projections.translation.memory_brokers import (
    MemoryBrokers,
    MemoryChangeLog,
    MemoryEventWriter,
    MemoryGroupPositions,
)


@dataclass
class World:
    """A change topic with one partition, an event topic, and the group that translates."""

    at: Partition
    events: str
    append: Callable[[bytes, bytes], None]
    join: Callable[..., ChangeLog]
    open_writer: Callable[[str], EventWriter]
    open_positions: Callable[[], GroupPositions]
    written: Callable[[], list[tuple[bytes, bytes]]]
    seconds: float
    assigned: list[Mapping[Partition, Position | None]] = field(default_factory=list)

    def event(self, key: bytes, value: bytes = b"1") -> OutgoingEvent:
        return OutgoingEvent(self.events, key, value)

    def start(
        self, positions: Mapping[Partition, Position | None]
    ) -> Mapping[Partition, int | None]:
        """Start where the group stands."""
        self.assigned.append(dict(positions))
        return {at: None if one is None else one.offset for at, one in positions.items()}

    def member(self, instance: str = "1") -> ChangeLog:
        return self.join(instance, self.start, lambda _: None)

    def read(self, log: ChangeLog, count: int) -> list[ChangeBatch]:
        """Batches until so many records have come."""
        found: list[ChangeBatch] = []
        deadline = time.monotonic() + 60
        while sum(len(batch.offsets) for batch in found) < count:
            assert time.monotonic() < deadline, found
            found += log.poll(self.seconds)
        return found


def _memory() -> World:
    at = ("master.public.track", 0)
    brokers = MemoryBrokers({at: []})

    def join(instance: str, on_assign: OnAssign, on_lost: OnLost) -> ChangeLog:
        return MemoryChangeLog(brokers, "group", instance, on_assign, on_lost, [at])

    return World(
        at=at,
        events="catalog.track",
        append=lambda key, value: brokers.append(at, key, value),
        join=join,
        open_writer=lambda name: MemoryEventWriter(brokers, name),
        open_positions=lambda: MemoryGroupPositions(brokers, "group"),
        written=lambda: [(one.key, one.value) for one in brokers.written],
        seconds=0,
    )


def _kafka(kafka: dict[str, str]) -> Iterator[World]:
    name = f"t{secrets.token_hex(6)}"
    topics = [f"{name}.public.track", f"{name}.events"]
    Topics(kafka).apply([TopicPlan(topic, 1) for topic in topics])
    capture = producer(kafka)

    def append(key: bytes, value: bytes) -> None:
        capture.produce(topics[0], value, key)
        assert capture.flush(30) == 0

    def written() -> list[tuple[bytes, bytes]]:
        options = {"isolation.level": "read_committed", "enable.partition.eof": True}
        deadline = time.monotonic() + 60
        with closing(Consumer({**kafka, **options, "group.id": name})) as c:
            c.assign([TopicPartition(topics[1], 0, OFFSET_BEGINNING)])
            found: list[tuple[bytes, bytes]] = []
            while time.monotonic() < deadline:
                message = c.poll(0.1)
                if message is None:
                    continue
                if (error := message.error()) is not None:
                    assert error.code() == KafkaError._PARTITION_EOF, error.str()
                    return found
                found.append((message.key() or b"", message.value() or b""))
            raise AssertionError(f"the end of {topics[1]} never came; so far {found}")

    yield World(
        at=(topics[0], 0),
        events=topics[1],
        append=append,
        join=lambda instance, *callbacks: KafkaChangeLog(
            kafka, ChangeGroup(name, instance, topics[:1]), *callbacks
        ),
        open_writer=lambda writer: KafkaEventWriter(kafka, f"{name}-{writer}"),
        open_positions=lambda: KafkaGroupPositions(kafka, name),
        written=written,
        seconds=0.2,
    )
    admin = AdminClient(dict(kafka))  # answers only while it lives
    for answer in admin.delete_topics(topics).values():
        answer.result()


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.integration)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Each test runs on each implementation."""
    if request.param == "memory":
        yield _memory()
        return
    engines: Endpoints = request.getfixturevalue("engines")
    yield from _kafka(engines.kafka)


def _keys(batches: Sequence[ChangeBatch]) -> list[bytes | None]:
    return [key for batch in batches for key in batch.keys]


def test_events_and_positions_are_there_together_after_a_commit(world: World) -> None:
    world.append(b"a", b"1")
    with closing(world.open_writer("1")) as writer, closing(world.member()) as log:
        (batch,) = world.read(log, 1)
        assert (batch.topic, batch.partition) == world.at
        assert (list(batch.offsets), list(batch.values)) == ([0], [b"1"])
        assert world.assigned == [{world.at: None}]
        writer.begin()
        writer.write(world.event(b"e"), [("h", b"1")])
        assert world.written() == []
        writer.commit({world.at: Position(1, "a note")}, log.membership())
    assert world.written() == [(b"e", b"1")]
    with closing(world.open_positions()) as positions:
        assert positions.read(world.at) == Position(1, "a note")
    world.append(b"b", b"2")
    with closing(world.member()) as log:
        assert _keys(world.read(log, 1)) == [b"b"]
    assert world.assigned[-1] == {world.at: Position(1, "a note")}


def test_neither_is_there_after_an_abort_and_reading_goes_back(world: World) -> None:
    world.append(b"a", b"1")
    with closing(world.open_writer("1")) as writer, closing(world.member()) as log:
        world.read(log, 1)
        writer.begin()
        writer.write(world.event(b"lost"))
        writer.abort()
        log.rewind({world.at: None, ("elsewhere", 3): 7})
        assert _keys(world.read(log, 1)) == [b"a"]
        writer.begin()
        writer.write(world.event(b"kept"))
        writer.commit({world.at: Position(1)}, log.membership())
        log.rewind({world.at: 0})
        assert _keys(world.read(log, 1)) == [b"a"]
    assert [key for key, _ in world.written()] == [b"kept"]


def test_a_partition_that_is_paused_is_read_no_more(world: World) -> None:
    world.append(b"a", b"1")
    with closing(world.member()) as log:
        world.read(log, 1)
        log.pause([world.at])
        world.append(b"b", b"2")
        for _ in range(5):
            assert log.poll(world.seconds) == []


def test_an_event_that_is_too_large_is_left_out_of_its_transaction(world: World) -> None:
    with closing(world.open_writer("1")) as writer, closing(world.member()) as log:
        writer.begin()
        writer.write(world.event(b"small"))
        with pytest.raises(EventTooLarge, match="bytes"):
            writer.write(world.event(b"large", bytes(9_000_000)))
        writer.commit({}, log.membership())
    assert [key for key, _ in world.written()] == [b"small"]


def test_a_second_writer_of_the_name_supersedes_the_first(world: World) -> None:
    with closing(world.open_writer("1")) as first, closing(world.member()) as log:
        first.begin()
        first.write(world.event(b"first"))
        with closing(world.open_writer("1")) as second:
            with pytest.raises(Superseded):
                first.commit({}, log.membership())
            second.begin()
            second.write(world.event(b"second"))
            second.commit({}, log.membership())
    assert [key for key, _ in world.written()] == [b"second"]


def test_a_second_member_of_the_name_supersedes_the_first(world: World) -> None:
    world.append(b"a", b"1")
    with closing(world.member()) as first:
        world.read(first, 1)
        with closing(world.member()) as second:
            world.read(second, 1)
            with pytest.raises(Superseded):
                _poll_for_a_minute(first, world.seconds)


def _poll_for_a_minute(log: ChangeLog, seconds: float) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        log.poll(seconds)


def test_a_group_without_a_position_has_none(world: World) -> None:
    with closing(world.open_positions()) as positions:
        assert positions.read(world.at) is None


def test_brokers_that_are_away_are_unavailable() -> None:
    away = {"bootstrap.servers": "127.0.0.1:1"}
    with pytest.raises(Unavailable, match="Kafka"):
        KafkaEventWriter(away, "1", seconds=1.0)

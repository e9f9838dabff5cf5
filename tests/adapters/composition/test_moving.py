"""Events move into topics with another number of partitions: in order, once, whoever is killed."""

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from adapters.composition import clients, moving
from adapters.composition.endpoints import Endpoints
from adapters.composition.identity import CHAIN, EventsMove, claim_read, note_chain
from adapters.composition.settings import Settings, load_settings
from adapters.composition.topology import topology, translate_group
from adapters.event_log import moving as carrying
from adapters.event_log.change_log import ChangeGroup, KafkaChangeLog, KafkaGroupPositions
from adapters.event_log.event_log import KafkaEventLog
from adapters.event_log.event_writer import KafkaEventWriter
from adapters.event_log.partitioning import partition_of
from adapters.event_log.producer import producer, write_durably
from domain.events import set_topic_prefix, topic_of
from domain.failures import Refused
from projections.engine.context import EngineContext
from projections.engine.partitions import AnotherLog
from projections.engine.rebuild import rebuild
from projections.engine.worker import Worker
from projections.ports.change_log import Position, Superseded
from projections.ports.event_log import TopicPartition as Partition
from projections.ports.event_writer import OutgoingEvent
from projections.ports.generations import Purpose
from tests.projections.engine.chain import MODEL
from tests.projections.engine.memory_generations import MemoryGenerations
from tests.projections.engine.memory_log import JsonDecoder, event
from tests.projections.engine.memory_spool import MemorySpool
from tests.projections.engine.memory_store import MemoryDatabase, MemoryReadStore

pytestmark = pytest.mark.integration
KEYS = [f"track{number}" for number in range(12)]


class Killed(Exception):
    """The process is gone."""


@dataclass
class World:
    """A chain with topics of a prefix of its own, and the one to which it moves."""

    former: Settings
    new: Settings
    endpoints: Endpoints
    at: int = 1_700_000_000_000
    """When the last event was written."""

    @property
    def to(self) -> str:
        return self.new.kafka.prefix

    def say(self, *words: str) -> None:
        """An event of each key, for each word, in this order."""
        topic = f"{self.former.kafka.prefix}catalog.track"
        writer = producer(self.endpoints.kafka)
        for word in words:
            self.at += 1  # records of one millisecond and two partitions have no order
            for key in KEYS:
                told = event("TrackUpdated", key, 0, title=word)
                writer.produce(topic, told, key.encode(), timestamp=self.at)
        assert writer.flush(30) == 0

    def titles(self) -> dict[str, list[str]]:
        """Key → what its events in the new topic say, in order."""
        found: dict[str, list[str]] = {key: [] for key in KEYS}
        for one in read(self.endpoints, f"{self.to}catalog.track"):
            key = (one.key() or b"").decode()
            assert one.partition() == partition_of(key.encode(), 3)
            found[key].append((one.value() or b"").decode().rpartition(": ")[2].strip('"}'))
        return found


def read(endpoints: Endpoints, topic: str) -> list[Message]:
    """All committed records of a topic, a partition after another."""
    found: list[Message] = []
    bounds = clients.topics(endpoints).bounds([topic])
    with closing(clients.reader(endpoints, "test")) as consumer:
        for at, its in sorted(bounds.items()):
            found += _read(consumer, at, its.end)
    return found


def _read(consumer: Consumer, at: Partition, end: int) -> list[Message]:
    found: list[Message] = []
    consumer.assign([TopicPartition(*at, OFFSET_BEGINNING)])
    deadline, position = time.monotonic() + 30, 0
    while position < end:
        assert time.monotonic() < deadline
        found += consumer.consume(100, 0.1)
        position = max(position, consumer.position([TopicPartition(*at)])[0].offset)
    return found


@pytest.fixture
def world(engines: Endpoints, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Topics of two partitions; three are wanted by now."""
    name = f"t{secrets.token_hex(4)}"
    monkeypatch.setenv("CATALOG_CONNECT__TOPIC_PREFIX", f"{name}.master")
    monkeypatch.setenv("CATALOG_KAFKA__PARTITIONS", "3")
    monkeypatch.setenv("CATALOG_KAFKA__PREFIX", f"{name}.v2.")
    new = load_settings()
    monkeypatch.setenv("CATALOG_KAFKA__PREFIX", f"{name}.")
    former = load_settings()
    plan = topology(former)
    topics = clients.topics(engines)
    topics.apply([replace(one, partitions=2) for one in plan.event_topics])
    topics.apply([plan.chain_topic, plan.change_topics[0]])
    note_chain(engines, plan.chain_topic.name, {CHAIN: name})
    yield World(former, new, replace(engines, read_dsn=database, master_dsn=database))
    set_topic_prefix("")
    left = [one for one in topics.names() if one.startswith(name)]
    admin = AdminClient(dict(engines.kafka))  # answers only while it lives
    for answer in admin.delete_topics(left).values():
        answer.result()


def move(world: World) -> Mapping[str, int]:
    """The command."""
    return moving.migrate(world.former, world.endpoints, world.to, lambda _: None)


def killed_at(commit: int, monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """Move, and be killed in the midst of a transaction."""
    commits = 0
    whole = KafkaEventWriter.commit

    def killing(self: KafkaEventWriter, *told: object) -> None:
        nonlocal commits
        commits += 1
        if commits == commit:
            self._producer.flush(30)  # its records are there, uncommitted
            raise Killed
        whole(self, *told)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(KafkaEventWriter, "commit", killing)
        with pytest.raises(Killed):
            move(world)


def test_events_move_in_order_and_once_though_partitions_were_added_and_it_was_killed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "AT_ONCE", 10)
    world.say("a", "b", "c")
    topic = f"{world.former.kafka.prefix}catalog.track"
    admin = AdminClient(dict(world.endpoints.kafka))
    admin.create_partitions([NewPartitions(topic, 3)])[topic].result()
    world.say("d", "e", "f")
    change, group = topology(world.former).change_topics[0].name, translate_group(world.former)
    with closing(KafkaGroupPositions(world.endpoints.kafka, group)) as positions:
        positions.write({(change, 0): Position(0, "topic=x ")})
    for commit in (1, 3):
        killed_at(commit, monkeypatch, world)
        with pytest.raises(EventsMove, match="are not filled yet"):
            claim_read(world.new, world.endpoints)
    move(world)
    assert world.titles() == {key: ["a", "b", "c", "d", "e", "f"] for key in KEYS}
    former = {one.timestamp() for one in read(world.endpoints, topic)}
    assert {one.timestamp() for one in read(world.endpoints, f"{world.to}catalog.track")} == former
    with closing(KafkaGroupPositions(world.endpoints.kafka, translate_group(world.new))) as found:
        assert found.read((change, 0)) == Position(0, "topic=x ")
    with pytest.raises(EventsMove, match=f"CATALOG_KAFKA__PREFIX={world.to}"):
        claim_read(world.former, world.endpoints)
    claim_read(world.new, world.endpoints)
    with pytest.raises(Refused, match="this move is done"):
        move(world)
    with pytest.raises(Refused, match="the move is done"):
        moving.give_up(world.former, world.endpoints)


def test_translators_that_run_are_stopped_or_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "LEAVING_SECONDS", 0.5)
    group = translate_group(world.former)
    member = ChangeGroup(group, "7", [topology(world.former).change_topics[0].name])
    kafka, assigned = world.endpoints.kafka, list[object]()

    def assign(found: Mapping[Partition, Position | None]) -> Mapping[Partition, int | None]:
        assigned.append(found)
        return dict.fromkeys(found)

    with (
        closing(KafkaEventWriter(kafka, f"{group}-7")) as writer,
        closing(KafkaChangeLog(kafka, member, assign, lambda _: None)) as log,
    ):
        deadline = time.monotonic() + 60
        while not assigned:
            assert time.monotonic() < deadline
            log.poll(0.1)
        writer.begin()
        writer.write(OutgoingEvent(f"{world.former.kafka.prefix}catalog.track", b"k", b"v"))
        with pytest.raises(Refused, match=f"translators still run: 7 of {group}"):
            move(world)
        with pytest.raises(Superseded):
            writer.commit({}, log.membership())
    moving.give_up(world.former, world.endpoints)
    claim_read(world.former, world.endpoints)


def test_a_rebuild_from_the_new_topics_is_equal_and_workers_go_on(world: World) -> None:
    set_topic_prefix(world.former.kafka.prefix)
    database, log = MemoryDatabase(MODEL), KafkaEventLog(world.endpoints.kafka)
    MemoryGenerations(database).create(
        Purpose.SERVE, dict.fromkeys(log.bounds(MODEL.topics), 0), live=True
    )
    world.say("a", "b")

    def project(rows: int, title: str) -> None:
        store = MemoryReadStore(database)
        with closing(Worker(MODEL, log, JsonDecoder(), store, f"{topic_of('x')}-g")) as worker:
            deadline = time.monotonic() + 60
            while True:
                live = database.live()
                assert live is not None
                found = live.tables["track"]
                if len(found) == rows and all(row["title"] == title for row in found.values()):
                    return
                assert time.monotonic() < deadline
                worker.step(0.1)

    project(12, "b")
    move(world)
    set_topic_prefix(world.to)
    with pytest.raises(AnotherLog, match=r"made of topic .*`catalog rebuild`"):
        project(12, "b")
    context = EngineContext(
        MODEL, log, JsonDecoder(), MemoryReadStore(database), MemoryGenerations(database),
        MemorySpool,
    )  # fmt: skip
    found = rebuild(context, report=lambda _: None)
    assert found.comparison is not None
    assert (found.comparison.equal, found.switched) == (True, True)
    later = event("TrackUpdated", KEYS[0], 0, title="b")
    write_durably(producer(world.endpoints.kafka), [(topic_of("track"), b"track99", later)])
    project(12, "b")

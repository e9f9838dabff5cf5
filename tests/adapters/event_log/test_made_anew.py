"""Topics that are deleted and made anew under their names, on the real broker."""

import secrets
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
from confluent_kafka.admin import AdminClient

from adapters.composition.endpoints import Endpoints
from adapters.event_log.change_log import ChangeGroup, KafkaChangeLog, KafkaGroupPositions
from adapters.event_log.connection import KafkaFailed
from adapters.event_log.event_log import KafkaEventLog
from adapters.event_log.producer import producer, write_durably
from adapters.event_log.topic_plans import TopicPlan
from adapters.event_log.topics import Topics
from domain.events import set_topic_prefix
from domain.failures import Failure, Refused
from projections.engine import worker as working
from projections.engine.partitions import AnotherLog
from projections.ports.change_log import Position
from projections.ports.generations import Purpose
from tests.projections.engine.chain import MODEL
from tests.projections.engine.memory_generations import MemoryGenerations
from tests.projections.engine.memory_log import JsonDecoder, event
from tests.projections.engine.memory_store import MemoryDatabase, MemoryReadStore
from tests.waiting import until

pytestmark = pytest.mark.integration


@pytest.fixture
def tracks(engines: Endpoints) -> Iterator[str]:
    """Name of the topic of tracks, under a prefix of the test's own; all of the model are there."""
    set_topic_prefix(f"t{secrets.token_hex(6)}.")
    names = MODEL.topics
    Topics(engines.kafka).apply([TopicPlan(name, 1) for name in names])
    yield next(name for name in names if name.endswith("track"))
    set_topic_prefix("")
    admin = AdminClient(dict(engines.kafka))
    for answer in admin.delete_topics(list(names)).values():
        answer.result()


def say(engines: Endpoints, topic: str, count: int, word: str) -> None:
    """Write events of as many tracks."""
    records = [
        (topic, f"{word}{n}".encode(), event("TrackAdded", f"{word}{n}", n, title=word))
        for n in range(count)
    ]
    write_durably(producer(engines.kafka), records)


def make_anew(engines: Endpoints, topic: str) -> None:
    """Delete a topic and make it again."""
    admin = AdminClient(dict(engines.kafka))
    admin.delete_topics([topic])[topic].result()
    topics = Topics(engines.kafka)
    until(lambda: topic not in topics.names())
    topics.apply([TopicPlan(topic, 1)])


def test_a_topic_that_is_made_anew_has_another_id(engines: Endpoints, tracks: str) -> None:
    topics = Topics(engines.kafka)
    before = topics.ids([tracks])
    assert before == topics.ids([tracks])
    make_anew(engines, tracks)
    assert topics.ids([tracks])[tracks] not in ("", before[tracks])
    with pytest.raises(KafkaFailed, match=r"no topic none\.of\.it"):
        topics.ids([tracks, "none.of.it"])


def test_a_worker_stores_nothing_of_a_topic_that_is_made_anew_while_it_runs(
    engines: Endpoints, tracks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "IDENTITY_SECONDS", 0.2)
    database, log = MemoryDatabase(MODEL), KafkaEventLog(engines.kafka)
    ends = dict.fromkeys(log.bounds(MODEL.topics), 0)
    MemoryGenerations(database).create(Purpose.SERVE, ends, live=True)
    say(engines, tracks, 3, "former")

    def member() -> working.Worker:
        store = MemoryReadStore(database)
        return working.Worker(MODEL, log, JsonDecoder(), store, f"{tracks}-group")

    rows = database.copies[1].tables["track"]
    with closing(member()) as worker:
        until(lambda: bool(worker.step(0.1)) or len(rows) == 3)
        make_anew(engines, tracks)
        say(engines, tracks, 7, "new")
        with pytest.raises(AnotherLog, match=f"topic {tracks} was deleted and made anew"):
            until(lambda: worker.step(0.1) > 10)
    assert sorted(rows) == ["former0", "former1", "former2"]
    with pytest.raises(AnotherLog, match="catalog rebuild"):
        member()


def test_positions_are_set_only_while_nobody_is_a_member(engines: Endpoints, tracks: str) -> None:
    at, group = (tracks, 0), f"{tracks}-translate"
    with closing(KafkaGroupPositions(engines.kafka, group)) as positions:
        positions.write({at: Position(0, "topic=x ")})
        assert positions.read(at) == Position(0, "topic=x ")
        assigned: list[object] = []

        def assign(found: dict[tuple[str, int], Position | None]) -> dict[tuple[str, int], None]:
            assigned.append(found)
            return dict.fromkeys(found)

        members = ChangeGroup(group, "1", [tracks])
        with closing(KafkaChangeLog(engines.kafka, members, assign, lambda _: None)) as log:  # type: ignore[arg-type]
            until(lambda: log.poll(0.1) is not None and bool(assigned))
            with pytest.raises(Refused, match="has members"):
                positions.write({at: Position(0)})
        make_anew(engines, tracks)
        with suppress(Failure):  # Kafka forgets a topic's positions with it
            until(lambda: positions.read(at) is None, 20)
        assert positions.read(at) is None

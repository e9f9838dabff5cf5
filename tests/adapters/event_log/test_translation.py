"""The translating engine on the real brokers: killed, rebalanced, fenced, fed with poison."""

import json
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from threading import Event
from traceback import format_exc
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from adapters.composition.endpoints import Endpoints
from adapters.composition.preparation import register_contracts
from adapters.composition.translation import (
    Watching,
    retry_translation,
    translation_context,
)
from adapters.event_log.avro.decoder import ColumnDecoder
from adapters.event_log.change_log import ChangeGroup
from adapters.event_log.event_log import KafkaEventLog
from adapters.event_log.producer import producer
from adapters.event_log.registry import Registry
from adapters.event_log.topic_plans import TopicPlan, event_topics
from adapters.event_log.topics import Topics
from adapters.ingestion.master.tables import Track
from adapters.read_database.dead_letters import PostgresDeadLetters
from domain.failures import Refused, Unavailable
from migrations.run import upgrade
from projections.ports.dead_letters import RejectedRecord, Retried, Stage
from projections.translation import worker
from projections.translation.counters import TranslationCounters
from tests.adapters.capture.forms import POSTGRES, key, value
from tests.beside import beside, join
from tests.waiting import until

pytestmark = pytest.mark.integration

PARTITIONS = 3
KILLS = 6
_START = POSTGRES["ts_us"]
_ROW: dict[str, Any] = dict.fromkeys(Track.__table__.columns.keys())  # type: ignore[attr-defined]
"""A track that has every column: what lacks one isn't tried again."""


@pytest.fixture(scope="module")
def prepared(engines: Endpoints) -> Endpoints:
    """Event topics and contracts are there."""
    Topics(engines.kafka).apply(event_topics(4))
    register_contracts(engines)
    return engines


@dataclass
class Installation:
    """A capture topic of a test's own, and what is made of it."""

    endpoints: Endpoints
    dsn: str
    topic: str
    group: str
    dead_letters: PostgresDeadLetters
    capture: Producer
    observer: Consumer
    registry: Registry
    lsn: int = 1000
    sent: list[tuple[bytes, bytes]] = field(default_factory=list)

    def insert(self, identity: str, title: str | None = None, *, at: int | None = None) -> None:
        """Capture an insert of a track, in a transaction of its own."""
        self.lsn += 10
        content = value(
            "c",
            None,
            {**_ROW, "id": identity, "title": title or identity},
            table="track",
            sequence=f'["{self.lsn - 5}","{self.lsn}"]',
            ts_us=_START + self.lsn,
        )
        self.send(key(identity), content)

    def send(self, at_key: bytes, content: bytes) -> None:
        self.sent.append((at_key, content))
        self.capture.produce(self.topic, content, at_key)
        self.capture.poll(0)

    def send_again(self, count: int) -> None:
        """What capture does after a crash."""
        for at_key, content in self.sent[-count:]:
            self.capture.produce(self.topic, content, at_key)

    def committed(self) -> int:
        """How many records translation has done."""
        wanted = [TopicPartition(self.topic, number) for number in range(PARTITIONS)]
        committed = self.observer.committed(wanted, timeout=30)
        return sum(max(0, one.offset) for one in committed)

    def await_done(self) -> None:
        """Wait until all is committed; a translator notes its progress a moment later."""
        self.capture.flush(30)
        log = KafkaEventLog(self.endpoints.kafka)
        ends = sum(bounds.end for bounds in log.bounds([self.topic]).values())
        until(lambda: self.committed() == ends)

    def events(self) -> list[dict[str, Any]]:
        """The events of this topic that a read_committed reader sees, in partition order."""
        log = KafkaEventLog(self.endpoints.kafka)
        ends = {at: bounds.end for at, bounds in log.bounds(["catalog.track"]).items()}
        decoder = ColumnDecoder(self.registry)
        found = []
        for batches in log.replay({}, ends):
            decoded = decoder.decode(batches)
            assert not decoded.undecodable
            for name, frame in decoded.frames.items():
                found += [{**row, "event": name} for row in frame.to_dicts()]
        ours = [row for row in found if row["event_id"].startswith(f"{self.topic}/")]
        return sorted(ours, key=lambda row: (row["_partition"], row["_offset"]))

    def run(
        self,
        stop: Event,
        instance: str = "1",
        dead_letters: Any = None,
        progress: TranslationCounters | None = None,
    ) -> None:
        """Translate in this thread."""
        group = ChangeGroup(self.group, instance, [self.topic])
        told = Watching(progress or TranslationCounters())
        with translation_context(self.endpoints, group, told, dead_letters) as context:
            worker.run(context, stop)

    @contextmanager
    def running(
        self, instance: str = "1", dead_letters: Any = None
    ) -> Iterator[TranslationCounters]:
        """Translate in a thread until the context is left."""
        stop, progress = Event(), TranslationCounters()
        failures: list[str] = []

        def run() -> None:
            try:
                self.run(stop, instance, dead_letters, progress)
            except Exception:
                failures.append(format_exc())

        thread = beside(run)
        thread.start()
        try:
            yield progress
        finally:
            stop.set()
            thread.join(60)
            assert not thread.is_alive()
        assert failures == []

    @contextmanager
    def process(self, instance: str = "1") -> Iterator["subprocess.Popen[bytes]"]:
        """Translate in a process; it is killed when the context is left."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.adapters.event_log.translating"], stdin=subprocess.PIPE
        )
        try:
            assert process.stdin is not None
            told = {
                "kafka": self.endpoints.kafka,
                "registry": self.endpoints.registry.url,
                "connect": self.endpoints.connect_url,
                "master": self.endpoints.master_dsn,
                "read": self.dsn,
                "topics": [self.topic],
                "group": self.group,
                "instance": instance,
            }
            process.stdin.write(json.dumps(told).encode())
            process.stdin.close()
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def installation(prepared: Endpoints, database: str) -> Iterator[Installation]:
    upgrade(database, "engine", "engine")
    prefix = f"t{secrets.token_hex(6)}"
    topic = f"{prefix}.public.track"
    Topics(prepared.kafka).apply([TopicPlan(topic, PARTITIONS)])
    dead_letters = PostgresDeadLetters(database, "catalog")
    observer = Consumer({**prepared.kafka, "group.id": prefix})
    capture = producer(prepared.kafka)
    registry = Registry(prepared.registry.url)
    endpoints = replace(prepared, read_dsn=database)
    yield Installation(
        endpoints, database, topic, prefix, dead_letters, capture, observer, registry
    )
    registry.close()
    observer.close()
    dead_letters.close()
    admin = AdminClient(dict(prepared.kafka))
    admin.delete_topics([topic])[topic].result()


def assert_each_once(installation: Installation, identities: Sequence[str]) -> None:
    events = installation.events()
    ids = [event["event_id"] for event in events]
    assert len(set(ids)) == len(ids)
    assert sorted(event["id"] for event in events) == sorted(identities)


def test_killed_at_any_moment_it_neither_loses_nor_doubles(installation: Installation) -> None:
    chance = random.Random(7)  # noqa: S311
    identities: list[str] = []
    enough = Event()

    def load() -> None:
        while not enough.wait(0.05):
            for _ in range(chance.randrange(60)):
                identities.append(f"{len(identities)}")
                installation.insert(identities[-1])
            if chance.random() < 0.1:
                installation.send_again(chance.randrange(200))

    loading = beside(load)
    loading.start()
    try:
        for _ in range(KILLS):
            before = installation.committed()
            with installation.process():
                until(lambda so_far=before: installation.committed() > so_far)  # type: ignore[misc]
                Event().wait(chance.random() * 0.5)
    finally:
        enough.set()
        join(loading)
    with installation.process():
        installation.await_done()
    assert_each_once(installation, identities)


def test_workers_that_come_and_go_share_the_work(installation: Installation) -> None:
    identities = [f"{number}" for number in range(6_000)]
    with ExitStack() as first, ExitStack() as second:
        one = first.enter_context(installation.running("one"))
        for identity in identities[:2_000]:
            installation.insert(identity)
        until(lambda: one.events > 0)
        two = second.enter_context(installation.running("two"))
        # The second gets partitions only when the first gives some of its own away.
        number = 2_000
        deadline = time.monotonic() + 90
        while two.events == 0 or number < 4_000:
            assert time.monotonic() < deadline
            if number < 5_000:
                installation.insert(identities[number])
                number += 1
            Event().wait(0.002)
        first.close()
        for identity in identities[number:]:
            installation.insert(identity)
        installation.await_done()
        assert one.events > 0
    assert_each_once(installation, identities)


def test_a_second_process_of_the_same_name_takes_over(installation: Installation) -> None:
    failures: list[BaseException] = []
    stop = Event()

    def first() -> None:
        try:
            installation.run(stop)
        except Refused as failure:
            failures.append(failure)

    thread = beside(first)
    thread.start()
    try:
        installation.insert("a")
        installation.await_done()
        with installation.running():
            installation.insert("b")
            installation.await_done()
            until(lambda: not thread.is_alive())
    finally:
        stop.set()
        join(thread)
    assert "another process of the same instance name" in str(failures[0])
    assert_each_once(installation, ["a", "b"])


def test_poison_is_parked_and_its_followers_wait(installation: Installation) -> None:
    bad = value("c", None, {"id": "p", "title": 3}, table="track")
    with installation.running() as progress:
        installation.insert("p", "before")
        installation.send(key("p"), bad)
        installation.insert("p", "after")
        installation.insert("q")
        installation.await_done()
        until(lambda: progress.parked == 2)
        dead_letters = installation.dead_letters.list(Stage.TRANSLATE)
        assert "$.after.title" in dead_letters[0].reason
        assert dead_letters[0].value == bad
        assert "waits behind" in dead_letters[1].reason
        assert sorted(event["title"] for event in installation.events()) == ["before", "q"]

        # It fails again, and keeps the other waiting
        retried = retry(installation)
        assert (retried.done, list(retried.failed)) == ((), [dead_letters[0].number])
        assert installation.dead_letters.list(Stage.TRANSLATE)[0].attempts == 1

        # Discarded on purpose, the other goes, and so does what comes then
        installation.dead_letters.discard([dead_letters[0].number])
        assert retry(installation).done == (dead_letters[1].number,)
        installation.insert("p", "last")
        installation.await_done()
        of_p = [event["title"] for event in installation.events() if event["id"] == "p"]
        assert of_p == ["before", "after", "last"]
    assert installation.dead_letters.list(Stage.TRANSLATE) == []


def test_a_retry_that_dies_before_it_forgets_its_dead_letters_writes_nothing_twice(
    installation: Installation,
) -> None:
    class Dying(PostgresDeadLetters):
        def discard(self, numbers: Sequence[int]) -> int:
            raise KeyboardInterrupt

    installation.dead_letters.park(
        RejectedRecord(
            Stage.TRANSLATE, installation.topic, 0, 0, key("a"), b"?", (), "to make others wait"
        )
    )
    with installation.running():
        installation.insert("a", "1")
        installation.insert("a", "2")
        installation.await_done()
    installation.dead_letters.discard([installation.dead_letters.list(Stage.TRANSLATE)[0].number])
    with closing(Dying(installation.dsn, "catalog")) as dying, pytest.raises(KeyboardInterrupt):
        retry(installation, dying)
    assert len(installation.dead_letters.list(Stage.TRANSLATE)) == 2
    assert len(retry(installation).done) == 2
    assert [event["title"] for event in installation.events()] == ["1", "2"]


def test_who_takes_partitions_over_knows_what_was_parked_there(installation: Installation) -> None:
    keys = [f"{number}" for number in range(60)]
    with ExitStack() as first, ExitStack() as second:
        one = first.enter_context(installation.running("one"))
        for identity in keys:
            installation.insert(identity, "before")
        until(lambda: one.events == len(keys))  # it has asked what is parked: nothing
        two = second.enter_context(installation.running("two"))
        number = 0
        while two.events == 0:
            installation.insert(f"more-{number}")
            number += 1
            installation.await_done()
        for identity in keys:
            installation.send(key(identity), b"?")
        installation.await_done()
        until(lambda: one.parked + two.parked == len(keys))
        assert two.parked > 0
        second.close()
        for identity in keys:
            installation.insert(identity, "after")
        installation.await_done()
        until(lambda: one.parked + two.parked == 2 * len(keys))
    assert "after" not in {event["title"] for event in installation.events()}


def test_without_a_place_for_poison_nothing_passes_and_nothing_is_lost(
    installation: Installation,
) -> None:
    class Absent(PostgresDeadLetters):
        refusals = 3

        def park(self, *args: Any, **kwargs: Any) -> None:
            if self.refusals:
                self.refusals -= 1
                raise Unavailable("the read database is away")
            super().park(*args, **kwargs)

    # Poison in each partition: whichever comes first, the others were read but not looked at
    poisons = [f"poison-{number}" for number in range(20)]
    for poison in poisons:
        installation.send(key(poison), b"?")
    goods = [f"good-{number}" for number in range(20)]
    for good in goods:
        installation.insert(good)
    installation.capture.flush(30)
    with (
        closing(Absent(installation.dsn, "catalog")) as absent,
        installation.running(dead_letters=absent) as progress,
    ):
        installation.await_done()
        until(lambda: (progress.aborted, progress.parked) == (3, len(poisons)))
    assert_each_once(installation, goods)


def retry(installation: Installation, dead_letters: PostgresDeadLetters | None = None) -> Retried:
    return retry_translation(installation.endpoints, installation.group, dead_letters=dead_letters)


def test_positions_that_the_brokers_forgot_are_found_in_the_events(
    installation: Installation,
) -> None:
    keys = [f"{number}" for number in range(30)]
    for identity in keys:
        installation.insert(identity)
    with installation.running():
        installation.await_done()
    admin = AdminClient(dict(installation.endpoints.kafka))

    def is_forgotten() -> bool:
        """The group can't go before its last member's session has ended."""
        try:
            admin.delete_consumer_groups([installation.group])[installation.group].result()
        except KafkaException:
            return False
        return True

    until(is_forgotten)
    installation.send_again(10)
    installation.insert("new")
    with installation.running():
        installation.await_done()
    assert_each_once(installation, [*keys, "new"])

"""Whatever happens in whatever order, each captured record makes its events once, or is parked.

A state machine of two translators between which partitions move, whose transactions fail at any
step, whose letters can't be reached, that are killed before and after a commit; of records that
can't be used, and of capture that sends again. The brokers are in memory.
"""

from typing import Any, cast
from unittest.mock import patch

from confluent_kafka import Producer
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from adapters.capture import change_log as capture
from adapters.capture.change_log import CaptureMember
from adapters.capture.interpreter import Interpreter, Outgoing
from adapters.capture.translator import Progress, _Aborted, _Translator
from adapters.event_log.connection import KafkaFailed
from domain.changes import Change, Coordinates, Operation
from domain.failures import Failure, Unusable
from projections.ports.dead_letters import Stage
from tests.adapters.capture.memory_brokers import (
    Killed,
    MemoryBrokers,
    MemoryConsumer,
    MemoryProducer,
)
from tests.projections.engine.chain import MODEL
from tests.projections.engine.memory_dead_letters import MemoryDeadLetters
from tests.projections.engine.memory_store import MemoryDatabase

TOPIC = "master.public.track"
PARTITIONS = 2
FAULTS = ["begin", "produce", "offsets", "commit", "letters", "killed before", "killed after"]
POISON = b"poison"
BAD, GOOD = 0, 1
"""Kinds of records; all but the first are good."""


class _Interpreter:
    """A record's value is its number in the source's log; poison has one too."""

    def change(self, topic: str, partition: int, offset: int, key: bytes, value: bytes) -> Change:
        if value.startswith(POISON):
            raise Unusable("it is poison")
        return Change(
            table="track", operation=Operation.INSERT, key={"id": key.decode()}, before=None,
            after=None, coordinates=Coordinates(topic, partition, offset),
            position=value.decode(), transaction=None, committed_at=None,
        )  # fmt: skip

    def events(self, change: Change) -> list[Outgoing]:
        return [Outgoing("catalog.track", str(change.key["id"]).encode(), change.position.encode())]


class _Letters(MemoryDeadLetters):
    """Can't be reached while `are_away`."""

    are_away = False

    def park(self, *args: Any) -> None:
        self._reach()
        super().park(*args)

    def parked_keys(self, stage: Stage, topic: str) -> set[bytes]:
        self._reach()
        return super().parked_keys(stage, topic)

    def first_parked(self, stage: Stage, topic: str, key: bytes) -> int | None:
        self._reach()
        return super().first_parked(stage, topic, key)

    def _reach(self) -> None:
        if self.are_away:
            raise Failure("the read database is away")


class _Worker:
    """A translator's process."""

    def __init__(self, brokers: MemoryBrokers, letters: _Letters) -> None:
        self.consumer = MemoryConsumer(brokers)
        with patch.object(capture, "Consumer", lambda _: self.consumer):
            self.member = CaptureMember({}, "group", "1", [TOPIC])
        self.translator = _Translator(
            cast(Producer, MemoryProducer(brokers)), self.member,
            cast(Interpreter, _Interpreter()), letters, Progress(), None,
        )  # fmt: skip

    def step(self) -> None:
        if messages := self.member.poll(0):
            self.translator._transact(messages)


class Interleavings(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.brokers = MemoryBrokers(TOPIC, [[] for _ in range(PARTITIONS)])
        self.letters = _Letters(MemoryDatabase(MODEL))
        self.workers = [_Worker(self.brokers, self.letters) for _ in range(2)]
        self.owner = [0] * PARTITIONS
        self.workers[0].consumer.give(range(PARTITIONS))
        self.said = 0

    @rule(
        records=st.lists(
            st.tuples(st.integers(0, PARTITIONS - 1), st.integers(0, 1), st.integers(0, 4)),
            min_size=1,
            max_size=5,
        )
    )
    def say(self, records: list[tuple[int, int, int]]) -> None:
        """Capture writes records, of (partition, key, kind); now and then one that is no use."""
        for partition, key, kind in records:
            self.said += 1
            number = f"{self.said:08d}".encode()
            value = POISON + number if kind == BAD else number
            self.brokers.append(partition, f"{partition}-{key}".encode(), value)

    @rule(partition=st.integers(0, PARTITIONS - 1), count=st.integers(1, 3))
    def say_again(self, partition: int, count: int) -> None:
        """Capture was killed, and sends its last records once more."""
        for record in self.brokers.records[partition][-count:]:
            self.brokers.append(partition, cast(bytes, record.key()), cast(bytes, record.value()))

    @rule(
        arrival=st.lists(st.integers(0, PARTITIONS - 1), min_size=1, max_size=12),
        fault=st.sampled_from([None, None, None, *FAULTS]),
    )
    def step(self, arrival: list[int], fault: str | None) -> None:
        """Who has the first partition translates what arrives of its own, or fails."""
        who = self.owner[arrival[0]]
        self.brokers.arrival = list(arrival)
        self.brokers.fault = fault
        self.letters.are_away = fault == "letters"
        try:
            self.workers[who].step()
        except _Aborted:
            pass
        except (Killed, KafkaFailed):
            self.restart(who)
        self.brokers.fault = None
        self.letters.are_away = False

    @rule(who=st.integers(0, 1))
    def restart(self, who: int) -> None:
        """A worker is killed between two steps; a new one takes its place."""
        self.workers[who] = _Worker(self.brokers, self.letters)
        self.workers[who].consumer.give([p for p, owner in enumerate(self.owner) if owner == who])

    @rule(partition=st.integers(0, PARTITIONS - 1))
    def move(self, partition: int) -> None:
        """The group moves a partition to the other worker."""
        had = self.owner[partition]
        self.workers[had].consumer.take(partition)
        self.owner[partition] = 1 - had
        self.workers[1 - had].consumer.give([partition])

    @invariant()
    def nothing_is_written_twice(self) -> None:
        """Nor out of a key's order."""
        by_key: dict[bytes, list[bytes]] = {}
        for key, value in self.brokers.written:
            by_key.setdefault(key, []).append(value)
        assert all(its == sorted(set(its)) for its in by_key.values())

    def teardown(self) -> None:
        """Without faults all is done in the end: written, or parked behind what can't be used."""
        for partition, records in enumerate(self.brokers.records):
            self.step([partition] * (len(records) + 1), None)
        good, bad = self._expected()
        assert sorted(self.brokers.written) == sorted(good)
        parked = {(one.key, one.value) for one in self.letters.list()}
        assert parked == bad

    def _expected(self) -> tuple[set[tuple[bytes, bytes]], set[tuple[bytes, bytes]]]:
        """(key, value) of records before the first bad one of their key, and of all others."""
        good: set[tuple[bytes, bytes]] = set()
        bad: set[tuple[bytes, bytes]] = set()
        held: set[bytes] = set()
        for records in self.brokers.records:
            for record in records:
                key, value = cast(bytes, record.key()), cast(bytes, record.value())
                if value.startswith(POISON):
                    held.add(key)
                if (key, value) not in good:
                    (bad if key in held else good).add((key, value))
        return good, bad


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=200, stateful_step_count=30)


def test_who_takes_a_partition_over_knows_what_is_parked_there() -> None:
    world = Interleavings()
    world.say([(0, 0, GOOD)])
    world.step([0], None)
    world.move(0)
    world.say([(0, 0, BAD)])
    world.step([0], None)
    world.move(0)
    world.say([(0, 0, GOOD)])
    world.step([0], None)
    assert [value for _, value in world.brokers.written] == [b"00000001"]
    world.teardown()


def test_a_record_waits_for_no_later_one_that_was_parked_before_an_abort() -> None:
    world = Interleavings()
    world.say([(0, 0, GOOD), (0, 0, BAD)])
    world.step([0, 0], "commit")
    world.step([0, 0], None)
    assert [value for _, value in world.brokers.written] == [b"00000001"]
    world.teardown()


def test_what_nobody_looked_at_before_an_abort_is_read_again() -> None:
    world = Interleavings()
    world.say([(0, 0, GOOD), (1, 0, GOOD)])
    world.step([0, 1], "produce")
    world.step([0, 1], None)
    assert [value for _, value in world.brokers.written] == [b"00000001", b"00000002"]
    world.teardown()

"""Whatever happens in whatever order, each captured record makes its events once, or is parked.

A state machine of two translators between which partitions move, whose transactions fail at any
step, whose dead letters can't be reached, that are killed before and after a commit and lose their
writers; of records that can't be used, of capture that sends again, of a source that is restored,
and of brokers that forget the group's positions. All of it is in memory.
"""

from typing import cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.failures import Unavailable
from projections.ports.event_log import TopicPartition
from projections.translation.session import TransactionAborted
from tests.projections.translation.memory_brokers import Killed, MemoryBrokers, MemoryChangeLog
from tests.projections.translation.translating import (
    GROUP,
    POISON,
    TOPIC,
    DeadLettersAway,
    Translation,
)

PARTITIONS = 2
FAULTS = [
    "begin", "write", "commit", "abort", "superseded", "dead letters",
    "killed before", "killed after",
]  # fmt: skip
BAD, GOOD = 0, 1
"""Kinds of records; all but the first are good."""


class _Worker:
    """A translator's process."""

    def __init__(self, translation: Translation, instance: str) -> None:
        self.session = translation.session(instance, ())
        self.log: MemoryChangeLog = translation.brokers.members[GROUP, instance]


def _number(stands: int, said: int) -> bytes:
    """Where the source's log stands, and which change it is: restored, one is at two positions."""
    return f"{stands:08d}/{said:08d}".encode()


def _at(partition: int) -> TopicPartition:
    return TOPIC, partition


class Interleavings(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.brokers = MemoryBrokers({_at(number): [] for number in range(PARTITIONS)}, arrival=[])
        self.translation = Translation(self.brokers)
        self.dead_letters = cast(DeadLettersAway, self.translation.dead_letters)
        self.workers = [_Worker(self.translation, str(who)) for who in range(2)]
        self.owner = [0] * PARTITIONS
        self.workers[0].log.give([_at(number) for number in range(PARTITIONS)])
        self.said = 0
        self.stands = 0
        self.began = [0] * PARTITIONS

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
            self.stands += 1
            number = _number(self.stands, self.said)
            value = POISON + number if kind == BAD else number
            self.brokers.append(_at(partition), f"{partition}-{key}".encode(), value)

    @rule(partition=st.integers(0, PARTITIONS - 1), count=st.integers(1, 3))
    def say_again(self, partition: int, count: int) -> None:
        """Capture was killed, and sends its last records of this server once more."""
        for key, value in self.brokers.records[_at(partition)][self.began[partition] :][-count:]:
            self.brokers.append(_at(partition), key, value)

    @rule(back=st.integers(1, 10))
    def restore(self, back: int) -> None:
        """The server is restored: its log goes on at positions that were there before."""
        self.stands = max(0, self.stands - back)
        self.began = [len(self.brokers.records[_at(number)]) for number in range(PARTITIONS)]

    @rule(
        arrival=st.lists(st.integers(0, PARTITIONS - 1), min_size=1, max_size=12),
        fault=st.sampled_from([None, None, None, *FAULTS]),
    )
    def step(self, arrival: list[int], fault: str | None) -> None:
        """Who has the first partition translates what arrives of its own, or fails."""
        who = self.owner[arrival[0]]
        self.brokers.arrival = [_at(partition) for partition in arrival]
        self.brokers.fault = fault
        self.dead_letters.are_away = fault == "dead letters"
        try:
            self.workers[who].session.step(0)
        except TransactionAborted:
            pass
        except (Killed, Unavailable):
            self.restart(who)
        self.brokers.fault = None
        self.dead_letters.are_away = False

    @rule(who=st.integers(0, 1))
    def restart(self, who: int) -> None:
        """A worker is killed between two steps; a new one takes its place."""
        self.workers[who] = _Worker(self.translation, str(who))
        self.workers[who].log.give([_at(p) for p, owner in enumerate(self.owner) if owner == who])

    @rule()
    def forget(self) -> None:
        """The brokers forget the group's positions while nobody is a member of it."""
        self.brokers.committed.clear()
        for who in range(2):
            self.restart(who)

    @rule(partition=st.integers(0, PARTITIONS - 1))
    def move(self, partition: int) -> None:
        """The group moves a partition to the other worker."""
        had = self.owner[partition]
        self.workers[had].log.take(_at(partition))
        self.owner[partition] = 1 - had
        self.workers[1 - had].log.give([_at(partition)])

    @invariant()
    def nothing_is_written_twice(self) -> None:
        """Nor out of a key's order."""
        by_key: dict[bytes, list[bytes]] = {}
        for key, value in self.translation.written():
            by_key.setdefault(key, []).append(value.partition(b"/")[2])
        assert all(its == sorted(set(its)) for its in by_key.values())

    def teardown(self) -> None:
        """Without faults all is done in the end: written, or parked behind what can't be used."""
        for (_, partition), records in self.brokers.records.items():
            self.step([partition] * (len(records) + 1), None)
        good, bad = self._expected()
        assert sorted(self.translation.written()) == sorted(good)
        parked = {(one.key, one.value) for one in self.dead_letters.list()}
        assert parked == bad

    def _expected(self) -> tuple[set[tuple[bytes, bytes]], set[tuple[bytes, bytes]]]:
        """(key, value) of records before the first bad one of their key, and of all others."""
        good: set[tuple[bytes, bytes]] = set()
        bad: set[tuple[bytes, bytes]] = set()
        held: set[bytes] = set()
        for records in self.brokers.records.values():
            for key, value in cast(list[tuple[bytes, bytes]], records):
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
    assert [value for _, value in world.translation.written()] == [_number(1, 1)]
    world.teardown()


def test_a_record_waits_for_no_later_one_that_was_parked_before_an_abort() -> None:
    world = Interleavings()
    world.say([(0, 0, GOOD), (0, 0, BAD)])
    world.step([0, 0], "commit")
    world.step([0, 0], None)
    assert [value for _, value in world.translation.written()] == [_number(1, 1)]
    world.teardown()


def test_what_nobody_looked_at_before_an_abort_is_read_again() -> None:
    world = Interleavings()
    world.say([(0, 0, GOOD), (1, 0, GOOD)])
    world.step([0, 1], "write")
    world.step([0, 1], None)
    assert [value for _, value in world.translation.written()] == [_number(1, 1), _number(2, 2)]
    world.teardown()

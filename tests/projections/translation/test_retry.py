"""Parked changes tried again: in order per key, once, and in linear time."""

from collections.abc import Sequence

import pytest

from domain.failures import Unavailable
from projections.ports.change_log import Position
from projections.ports.dead_letters import DeadLetter, DeadLetters, RejectedRecord, Stage
from projections.translation.retry import AT_ONCE, RetryContext, retry
from tests.projections.engine.chain import MODEL
from tests.projections.engine.memory_dead_letters import MemoryDeadLetters
from tests.projections.engine.memory_store import MemoryDatabase
from tests.projections.translation.memory_brokers import (
    MemoryBrokers,
    MemoryEventWriter,
    MemoryGroupPositions,
)
from tests.projections.translation.translating import POISON, TOPIC, PlainInterpreter

AT = (TOPIC, 0)


class Counting(MemoryDeadLetters):
    """Counts the dead letters that are read with their bytes."""

    loaded = 0

    def list(
        self,
        stage: Stage | None = None,
        topic: str | None = None,
        key: bytes | None = None,
        limit: int | None = None,
    ) -> list[DeadLetter]:
        found = super().list(stage, topic, key, limit)
        self.loaded += len(found)
        return found

    def show(self, number: int) -> DeadLetter:
        self.loaded += 1
        return super().show(number)


class Dying(MemoryDeadLetters):
    """Its process dies before it forgets anything."""

    def discard(self, numbers: Sequence[int]) -> int:
        raise KeyboardInterrupt


def context(brokers: MemoryBrokers, dead_letters: DeadLetters) -> RetryContext:
    return RetryContext(
        PlainInterpreter(),
        dead_letters,
        MemoryEventWriter(brokers, "retry"),
        MemoryGroupPositions(brokers, "retry"),
    )


def park(dead_letters: DeadLetters, offset: int, key: bytes | None, value: bytes) -> None:
    dead_letters.park(RejectedRecord(Stage.TRANSLATE, *AT, offset, key, value, (), "it was odd"))


@pytest.mark.parametrize("keys", ["one each", "one for all", "none"])
def test_dead_letters_are_read_a_few_times_however_many_there_are(keys: str) -> None:
    count = 5 * AT_ONCE
    brokers, dead_letters = MemoryBrokers({}), Counting(MemoryDatabase(MODEL))
    for number in range(count):
        key = {"one each": b"%d" % number, "one for all": b"k", "none": None}[keys]
        park(dead_letters, number, key, b"%08d" % number)
    dead_letters.loaded = 0
    done = retry(context(brokers, dead_letters))
    assert (len(done.done), done.failed) == (count, {})
    assert dead_letters.list() == []
    assert dead_letters.loaded <= 2 * count


def test_a_keys_first_failure_keeps_its_others_waiting() -> None:
    brokers, dead_letters = MemoryBrokers({}), MemoryDeadLetters(MemoryDatabase(MODEL))
    for offset, value in enumerate([b"1", POISON, b"3"]):
        park(dead_letters, offset, b"k", value)
    park(dead_letters, 3, b"other", b"4")
    done = retry(context(brokers, dead_letters))
    assert (done.done, list(done.failed)) == ((1, 4), [2])
    assert [one.key for one in brokers.written] == [b"k", b"other"]
    assert [(one.number, one.attempts) for one in dead_letters.list()] == [(2, 1), (3, 0)]


def test_only_queues_that_were_asked_for_are_tried() -> None:
    brokers, dead_letters = MemoryBrokers({}), MemoryDeadLetters(MemoryDatabase(MODEL))
    for offset, key in enumerate([b"k", b"k", b"other", None, None]):
        park(dead_letters, offset, key, b"%d" % offset)
    done = retry(context(brokers, dead_letters), [2, 4])
    assert set(done.done) == {1, 2, 4}, "the whole queue of a key, and one without"


def test_a_retry_that_dies_before_it_forgets_writes_nothing_twice() -> None:
    brokers, database = MemoryBrokers({}), MemoryDatabase(MODEL)
    dead_letters = MemoryDeadLetters(database)
    for offset in range(3):
        park(dead_letters, offset, b"k", b"%d" % offset)
    with pytest.raises(KeyboardInterrupt):
        retry(context(brokers, Dying(database)))
    assert len(brokers.written) == 3
    assert len(retry(context(brokers, dead_letters)).done) == 3
    assert len(brokers.written) == 3
    assert dead_letters.list() == []


def test_the_note_forgets_what_is_dealt_with() -> None:
    brokers, dead_letters = MemoryBrokers({}), MemoryDeadLetters(MemoryDatabase(MODEL))
    for number in range(8 * AT_ONCE):
        park(dead_letters, number, b"k", b"%08d" % number)
    retry(context(brokers, dead_letters))
    assert len(brokers.committed["retry"][AT].note) <= 4_000


def test_an_event_that_is_too_large_fails_alone() -> None:
    brokers, dead_letters = MemoryBrokers({}), MemoryDeadLetters(MemoryDatabase(MODEL))
    park(dead_letters, 0, b"big", b"1")
    park(dead_letters, 1, b"ok", b"2")
    brokers.refuses = {b"big"}
    done = retry(context(brokers, dead_letters))
    assert (done.done, list(done.failed)) == ((2,), [1])
    assert "bytes" in done.failed[1]


def test_what_is_away_is_told_and_nothing_is_forgotten() -> None:
    brokers, dead_letters = MemoryBrokers({}), MemoryDeadLetters(MemoryDatabase(MODEL))
    park(dead_letters, 0, b"k", b"1")
    brokers.fault = "commit"
    with pytest.raises(Unavailable):
        retry(context(brokers, dead_letters))
    assert len(dead_letters.list()) == 1
    assert brokers.committed.get("retry", {}).get(AT) is None
    assert len(retry(context(brokers, dead_letters)).done) == 1
    assert brokers.committed["retry"][AT] == Position(1, "0")

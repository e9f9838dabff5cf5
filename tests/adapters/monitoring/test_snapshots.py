"""Snapshots: what holds now, and nothing else, whether the source fails, hangs or is not asked."""

from threading import Event

from adapters.monitoring.snapshots import (
    GRACE_SECONDS,
    IDLE_SECONDS,
    RepeatedSnapshot,
    Snapshot,
)
from domain.failures import Failure


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class _Source:
    def __init__(self) -> None:
        self.count = 0
        self.problem: Exception | None = None
        self.taken = Event()

    def __call__(self) -> int:
        if self.problem is not None:
            raise self.problem
        self.count += 1
        self.taken.set()
        return self.count


def test_what_fails_is_said_and_the_last_snapshot_holds_for_a_moment() -> None:
    clock, source = _Clock(), _Source()
    kept = RepeatedSnapshot("x", source, seconds=60, clock=clock)
    assert kept.newest() == Snapshot()
    kept.take()
    first = kept.newest()
    assert (first.value, first.problem) == (1, None)
    source.problem = Failure("the brokers are away")
    kept.take()
    assert kept.newest() == Snapshot(1, first.at, "the brokers are away")
    source.problem = ValueError("odd")
    kept.take()
    assert kept.newest().problem == "ValueError: odd"
    source.problem = None
    kept.take()
    assert (kept.newest().value, kept.newest().problem) == (2, None)


def test_what_can_not_be_renewed_is_unknown() -> None:
    clock, source = _Clock(), _Source()
    kept = RepeatedSnapshot("x", source, seconds=3, clock=clock)
    kept.take()
    taken = kept.newest().at
    source.problem = Failure("the brokers are away")
    clock.now = 3 + GRACE_SECONDS
    kept.take()
    assert kept.newest().value == 1, "its successor is hardly due"
    clock.now += 0.1
    assert kept.newest() == Snapshot(None, taken, "the brokers are away")
    source.problem = None
    kept.take()
    assert (kept.newest().value, kept.newest().problem) == (2, None)


def test_a_slow_source_is_given_its_time() -> None:
    clock = _Clock()

    def slow() -> int:
        clock.now += 20
        return 1

    kept = RepeatedSnapshot("x", slow, seconds=3, clock=clock)
    kept.take()
    clock.now += 3 + 2 * 20 + GRACE_SECONDS
    assert kept.newest().value == 1
    clock.now += 0.1
    assert kept.newest().value is None


def test_a_source_that_hangs_is_unknown_too() -> None:
    clock, asked, go = _Clock(), Event(), Event()

    def hanging() -> int:
        asked.set()
        assert go.wait(30)
        return 1

    kept = RepeatedSnapshot("x", hanging, seconds=3, clock=clock)
    kept.start()
    try:
        assert asked.wait(30)
        assert kept.newest() == Snapshot(), "at first that is only natural"
        clock.now = GRACE_SECONDS + 7
        assert kept.newest() == Snapshot(problem="no answer for 12 s")
    finally:
        kept.stop()
        go.set()


def test_the_first_view_after_a_quiet_spell_shows_nothing_old() -> None:
    clock, source = _Clock(), _Source()
    kept = RepeatedSnapshot("x", source, seconds=3, clock=clock)
    kept.take()
    taken = kept.newest().at
    source.problem = Failure("an hour ago the brokers were away")
    kept.take()
    clock.now = IDLE_SECONDS + 1
    assert kept.newest() == Snapshot(None, taken, None), "neither the value nor the old problem"
    source.problem = None
    kept.take()
    assert kept.newest().value == 2


def test_it_is_taken_again_and_again_and_at_once_when_hurried() -> None:
    source = _Source()
    kept = RepeatedSnapshot("x", source, seconds=0.001)
    kept.start()
    try:
        for _ in range(3):
            source.taken.clear()
            assert source.taken.wait(30)
    finally:
        kept.stop()
    slow = RepeatedSnapshot("x", source, seconds=3600)
    source.taken.clear()
    slow.start()
    try:
        assert source.taken.wait(30), "the first comes at once"
        source.taken.clear()
        slow.hurry()
        assert source.taken.wait(30)
    finally:
        slow.stop()


def test_nothing_is_asked_while_nobody_looks() -> None:
    clock, source = _Clock(), _Source()
    kept = RepeatedSnapshot("x", source, seconds=0.001, clock=clock)
    kept.start()
    try:
        assert source.taken.wait(30)
        clock.now = IDLE_SECONDS + 1
        before = -1
        while before != source.count:  # what was under way may come to its end
            before = source.count
            source.taken.clear()
            source.taken.wait(0.2)
        kept.newest()
        assert source.taken.wait(30), "somebody looks again"
    finally:
        kept.stop()

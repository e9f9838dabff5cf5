"""Snapshots: the last good one stays, with its age and the reason that there is no newer one."""

from threading import Event

from adapters.monitoring.snapshots import IDLE_SECONDS, Repeated
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


def test_what_fails_leaves_the_last_snapshot_and_says_why() -> None:
    source = _Source()
    kept = Repeated("x", source, seconds=60)
    assert kept.newest().value is None
    kept.take()
    first = kept.newest()
    assert (first.value, first.problem) == (1, None)
    source.problem = Failure("the brokers are away")
    kept.take()
    assert (kept.newest().value, kept.newest().at) == (1, first.at)
    assert kept.newest().problem == "the brokers are away"
    source.problem = ValueError("odd")
    kept.take()
    assert kept.newest().problem == "ValueError: odd"
    source.problem = None
    kept.take()
    assert (kept.newest().value, kept.newest().problem) == (2, None)


def test_it_is_taken_again_and_again_and_at_once_when_hurried() -> None:
    source = _Source()
    kept = Repeated("x", source, seconds=0.001)
    kept.start()
    try:
        for _ in range(3):
            source.taken.clear()
            assert source.taken.wait(30)
    finally:
        kept.stop()
    slow = Repeated("x", source, seconds=3600)
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
    kept = Repeated("x", source, seconds=0.001, clock=clock)
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

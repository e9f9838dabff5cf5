"""The loop of a process: what it waits for, what it joins again after, and what ends it."""

from threading import Event

import pytest

from domain.failures import Refused, Unavailable
from projections.ports.change_log import ChangeLog, OnAssign, OnLost, Superseded
from projections.ports.event_writer import EventWriter
from projections.translation import worker
from projections.translation.context import TranslationContext
from projections.translation.pause import LONGEST_PAUSE, Pause
from projections.translation.worker import MOST_TAKEOVERS, TAKEOVER_SECONDS, Takeovers
from tests.projections.translation.memory_brokers import MemoryBrokers
from tests.projections.translation.translating import TOPIC, Translation

AT = (TOPIC, 0)


class _Stop(Event):
    """Waits for nothing, and is set once all is written or it was asked too often."""

    def __init__(self, brokers: MemoryBrokers, events: int) -> None:
        super().__init__()
        self.brokers, self.events, self.asked = brokers, events, 0
        self.waited: list[float] = []

    def is_set(self) -> bool:
        self.asked += 1
        return len(self.brokers.written) >= self.events or self.asked > 200

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0)
        return False


def test_a_membership_that_the_brokers_took_away_is_joined_again() -> None:
    brokers = MemoryBrokers({AT: [(b"a", b"00000001")]}, fault="superseded")
    context = Translation(brokers).context()
    worker.run(context, _Stop(brokers, 1))
    assert len(brokers.written) == 1
    assert (context.counters.rejoined, context.counters.aborted) == (1, 1)
    assert brokers.members["translate", "1"].is_closed


def test_a_transaction_that_cannot_be_aborted_begins_anew() -> None:
    brokers = MemoryBrokers({AT: [(b"a", b"00000001")]}, fault="write")
    context = Translation(brokers).context()
    stop = _Stop(brokers, 1)
    plain = brokers.fail

    def fail(step: str) -> None:
        if brokers.fault == "write" and step == "write":
            brokers.fault = "abort"
            raise Unavailable("write refused")
        plain(step)

    brokers.fail = fail  # type: ignore[method-assign]
    worker.run(context, stop)
    assert len(brokers.written) == 1
    assert context.counters.rejoined == 1


def test_what_is_away_is_waited_for_with_a_growing_pause() -> None:
    brokers = MemoryBrokers({AT: [(b"a", b"00000001")]})
    plain = Translation(brokers).context()
    refusals = [Unavailable("no coordinator")] * 4

    def open_writer() -> EventWriter:
        if refusals:
            raise refusals.pop()
        return plain.open_writer()

    stop = _Stop(brokers, 1)
    worker.run(_with(plain, open_writer=open_writer), stop)
    assert len(brokers.written) == 1
    assert stop.waited[:4] == sorted(set(stop.waited[:4]))


def test_a_second_process_of_the_same_name_that_goes_on_ends_the_first() -> None:
    brokers = MemoryBrokers({AT: []})
    plain = Translation(brokers).context()

    def join(on_assign: OnAssign, on_lost: OnLost) -> ChangeLog:
        log = plain.join(on_assign, on_lost)
        Translation(brokers).session()  # the other one
        return log

    stop = _Stop(brokers, 1)
    with pytest.raises(Refused, match="--instance"):
        worker.run(_with(plain, join=join), stop)
    assert len(stop.waited) == MOST_TAKEOVERS


def test_takeovers_long_ago_do_not_count() -> None:
    now = 0.0
    takeovers = Takeovers(lambda: now)
    for _ in range(10 * MOST_TAKEOVERS):
        now += TAKEOVER_SECONDS / MOST_TAKEOVERS * 1.01
        takeovers.note(Superseded("brokers are replaced one by one"))


def test_a_pause_is_bounded_however_often_it_fails() -> None:
    pause = Pause()
    assert [pause.next() for _ in range(2_000)][-1] == LONGEST_PAUSE
    pause.reset()
    assert pause.next() < 0.1


def _with(context: TranslationContext, **ports: object) -> TranslationContext:
    return TranslationContext(**{**vars(context), **ports})

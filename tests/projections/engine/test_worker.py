"""The live worker beside what the state machine covers: start, stop and what is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from domain.failures import Unavailable
from projections.engine.apply import Applier
from projections.engine.dead_letter import retry
from projections.engine.partitions import AnotherLog
from projections.engine.progress import silent
from projections.engine.rebuild import ensure_live, rebuild, verify_live
from projections.engine.worker import NoLiveGeneration, Worker, run
from projections.ports.dead_letters import DeadLetter, Stage
from projections.ports.event_log import RecordBatch
from projections.ports.generations import Generation
from projections.ports.read_store import StoreBusy
from tests.projections.engine.chain import MODEL, Chain, FlakyStore
from tests.projections.engine.memory_dead_letters import MemoryDeadLetters
from tests.projections.engine.memory_generations import MemoryGenerations, MemoryHeld
from tests.projections.engine.memory_log import event
from tests.projections.engine.memory_store import MemoryReadStore


@pytest.fixture
def chain() -> Chain:
    """A chain with a live generation."""
    chain = Chain()
    ensure_live(chain.context)
    return chain


def everything(chain: Chain) -> None:
    """Assign all partitions to the newest member."""
    chain.log.subscriptions[-1].assign(list(chain.log.partitions))


def test_without_a_live_generation_there_is_nothing_to_do() -> None:
    with pytest.raises(NoLiveGeneration, match="catalog project"):
        Chain().worker()


def test_a_topic_with_another_partition_count_is_refused(chain: Chain) -> None:
    chain.log.partitions["catalog.track", 2] = []
    with pytest.raises(AnotherLog, match=r"catalog.track has 3 partitions instead of 2"):
        chain.worker()


def test_another_log_is_refused(chain: Chain) -> None:
    chain.say("track", 0, 0, "a")
    worker = chain.worker()
    everything(chain)
    worker.step(0)
    chain.log.ends.clear()
    with pytest.raises(AnotherLog, match=r"checkpoint of catalog.track/0 is 1, .* ends at 0"):
        chain.worker()


def test_a_new_topic_begins_at_zero(chain: Chain) -> None:
    for partition in (0, 1):
        del chain.database.copies[1].checkpoints["catalog.label", partition]
    chain.say("label", 0, 0, "a")
    worker = chain.worker()
    everything(chain)
    worker.step(0)
    assert chain.content() == chain.replayed()


def test_what_fails_for_a_while_is_tried_again(chain: Chain) -> None:
    chain.say("track", 1, 0, "a")
    worker = chain.worker()
    everything(chain)
    chain.decoder.failures = 3
    pauses: list[float] = []
    turns = iter(range(10))
    run(worker, lambda: next(turns, None) is None, pauses.append)
    assert chain.content() == chain.replayed()
    assert pauses == sorted(pauses)
    assert pauses
    chain.say("track", 1, 0, "b")
    chain.decoder.failures = 1
    assert worker.step(0) == 0
    assert worker.is_stale


class Scripted:
    """A worker whose steps come to what a test says: stale, or so many records stored."""

    def __init__(self, steps: list[int | None]) -> None:
        """None is a step after which the worker is stale."""
        self._steps = iter(steps)
        self.is_stale = False

    def step(self, timeout: float) -> int:
        """See Worker."""
        stored = next(self._steps)
        self.is_stale = stored is None
        return stored or 0


def pauses_of(steps: list[int | None]) -> list[float]:
    """Seconds that a worker waits between these steps."""
    pauses: list[float] = []
    turns = iter(steps)
    worker = cast(Worker, Scripted(steps))
    run(worker, lambda: next(turns, "over") == "over", pauses.append)
    return pauses


def test_pauses_grow_up_to_a_bound_and_for_ever() -> None:
    assert pauses_of([None] * 9) == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert pauses_of([None] * 1500)[-1] == 5.0


def test_one_conflict_is_no_reason_to_wait_and_success_ends_it() -> None:
    assert pauses_of([None, 0, 3, None, 1, None]) == []
    assert pauses_of([None, None, None, 2, None, None]) == [0.1, 0.2, 0.1]


def test_going_back_alone_is_no_success() -> None:
    assert pauses_of([None, 0, None, 0, None]) == [0.1, 0.2]


def test_who_takes_a_partition_over_begins_where_the_other_was(chain: Chain) -> None:
    for value in ("a", "b"):
        chain.say("track", 0, 1, value)
    late = chain.worker()
    first = chain.worker()
    everything(chain)
    first.step(0)
    chain.log.subscriptions[0].assign([("catalog.track", 0)])
    assert chain.log.subscriptions[0].positions == {("catalog.track", 0): 2}
    chain.say("track", 0, 1, "c")
    assert late.step(0) == 1  # and at once: it knows where the checkpoint stands


def test_who_takes_a_partition_over_knows_what_is_parked_there(chain: Chain) -> None:
    late = chain.worker()
    first = chain.worker()
    everything(chain)
    chain.say("track", 0, 0, "junk")
    first.step(0)
    chain.log.subscriptions[0].assign([("catalog.track", 0)])
    chain.say("track", 0, 1, "good")
    assert late.step(0) == 1
    assert chain.content() == chain.replayed()
    assert chain.dead_letters().list() == []


def test_a_database_that_is_away_at_an_assignment_is_asked_again(chain: Chain) -> None:
    chain.say("track", 0, 0, "a")
    store = AwayStore(chain.database)
    worker = chain.worker(store)
    store.is_away = True
    everything(chain)
    assert worker.is_stale
    worker.step(0)
    assert worker.is_stale
    store.is_away = False
    chain.say("track", 0, 1, "b")
    worker.step(0)
    assert not worker.is_stale
    assert worker.step(0) == 2
    assert chain.content() == chain.replayed()


class AwayStore(MemoryReadStore):
    """Says nothing while `is_away`."""

    is_away = False

    def live(self) -> Generation | None:
        """See the port."""
        if self.is_away:
            raise StoreBusy("away")
        return super().live()


def test_partitions_that_are_added_while_it_runs_are_an_error(chain: Chain) -> None:
    worker = chain.worker()
    everything(chain)
    worker.step(0)
    added = ("catalog.track", 2)
    chain.log.partitions[added] = []
    chain.log.append(added, "k", b"{}")
    chain.log.subscriptions[-1].assign([added])
    with pytest.raises(AnotherLog, match=r"catalog\.track/2"):
        worker.step(0)


def test_a_log_that_is_away_is_waited_for(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = chain.worker()
    everything(chain)
    chain.say("track", 0, 0, "a")
    with monkeypatch.context() as patch:

        def away(timeout: float) -> list[RecordBatch]:
            raise Unavailable("no broker answers")

        patch.setattr(chain.log.subscriptions[-1], "poll", away)
        assert worker.step(0) == 0
        assert worker.is_stale
    for _ in range(2):
        worker.step(0)
    assert chain.content() == chain.replayed()


def test_retrying_reads_each_record_once(chain: Chain) -> None:
    count = 60
    for _ in range(2):
        for key in range(count):
            chain.say("track", key, 0, "odd")
    worker = chain.worker()
    everything(chain)
    while worker.step(0):
        pass
    assert len(chain.dead_letters().list()) == 2 * count
    read: list[int] = []

    class Counting(MemoryDeadLetters):
        def list(self, *args: Any, **kwargs: Any) -> list[DeadLetter]:
            raise AssertionError("all are read with their bytes")

        def show(self, number: int) -> DeadLetter:
            read.append(number)
            return super().show(number)

    assert retry(chain.context, Counting(chain.database)).done == ()
    assert len(read) == 2 * count
    chain.decoder.knows_odd = True
    retried = retry(chain.context, Counting(chain.database))
    assert (len(retried.done), len(retried.superseded), retried.failed) == (count, count, {})
    assert chain.content() == chain.replayed()


def test_records_without_a_key_are_retried_each_by_itself(chain: Chain) -> None:
    partition = ("catalog.track", 0)
    for _ in range(3):
        chain.log.append(partition, None, b"junk")
    worker = chain.worker()
    everything(chain)
    worker.step(0)
    dead_letters = chain.dead_letters()
    numbers = [one.number for one in dead_letters.list()]
    repaired = event("TrackAdded", "t", 1, title="repaired")
    chain.database.dead_letters[numbers[1]] = replace(dead_letters.show(numbers[1]), value=repaired)
    again = retry(chain.context, dead_letters, numbers[1:])
    assert (again.done, list(again.failed)) == ((numbers[1],), [numbers[2]])
    assert [dead_letters.show(n).attempts for n in (numbers[0], numbers[2])] == [0, 1]


def test_group_offsets_follow_for_monitoring(chain: Chain) -> None:
    chain.say("track", 1, 0, "a")
    worker = chain.worker()
    everything(chain)
    worker.step(0)
    assert chain.log.subscriptions[-1].noted["catalog.track", 1] == 1


def test_a_zombie_stores_nothing(chain: Chain) -> None:
    zombie, store = chain.worker(), FlakyStore(chain.database)
    everything(chain)
    chain.say("track", 0, 0, "old")
    successor = chain.worker(store)
    everything(chain)
    assert successor.step(0) == 1
    chain.say("track", 0, 1, "new")
    assert successor.step(0) == 1
    assert zombie.step(0) == 0
    assert chain.content() == chain.replayed()


def test_after_a_conflict_it_goes_back_to_the_checkpoint(chain: Chain) -> None:
    for value in ("a", "b", "c"):
        chain.say("track", 0, 1, value)
    slow = chain.worker()
    everything(chain)
    other = chain.worker()
    everything(chain)
    chain.log.chunk = 1
    assert other.step(0) == 1
    chain.log.chunk = 3
    assert slow.step(0) == 0
    chain.say("track", 2, 1, "d")
    assert slow.step(0) == 3
    assert chain.content() == chain.replayed()


def test_after_a_conflict_it_knows_what_the_other_parked(chain: Chain) -> None:
    slow = chain.worker()
    everything(chain)
    chain.say("track", 0, 0, "junk")
    other = chain.worker()
    everything(chain)
    assert other.step(0) == 1
    assert slow.step(0) == 0
    chain.say("track", 0, 1, "good")
    assert slow.step(0) == 1
    assert chain.content() == chain.replayed()
    assert chain.dead_letters().list() == []


def test_a_switch_closes_the_last_lag_while_workers_wait(chain: Chain) -> None:
    chain.say("track", 0, 0, "a")
    worker = chain.worker()
    everything(chain)
    worker.step(0)

    class BusyUntilHeld(MemoryGenerations):
        @contextmanager
        def hold_live(self) -> Iterator[MemoryHeld]:
            """A worker gets in just before."""
            chain.say("track", 0, 1, "b")
            worker.step(0)
            with super().hold_live() as held:
                yield held

    done = rebuild(replace(chain.context, generations=BusyUntilHeld(chain.database)), report=silent)
    assert done.switched
    assert chain.checkpoints() == chain.ends()
    assert chain.content() == chain.replayed()


def test_a_later_event_supersedes_what_is_parked_before_it(chain: Chain) -> None:
    chain.say("track", 1, 0, "odd")
    chain.say("track", 3, 1, "other key")
    worker = chain.worker()
    everything(chain)
    worker.step(0)
    (parked,) = chain.dead_letters().list(Stage.PROJECT)
    chain.say("track", 1, 2, "gone")  # a removal: no row is left that could ward off the old one
    worker.step(0)
    assert chain.content()["track"].keys() == {"track3"}
    assert chain.dead_letters().list() == []
    chain.decoder.knows_odd = True
    assert retry(chain.context, chain.dead_letters(), [parked.number]).done == ()
    assert chain.content() == chain.replayed()


def test_the_newest_of_a_key_that_can_be_used_is_what_a_retry_stores(chain: Chain) -> None:
    for value in ("odd 1", "odd 2", "junk"):
        chain.say("track", 1, 1, value)
    worker = chain.worker()
    everything(chain)
    while worker.step(0):
        pass
    dead_letters = chain.dead_letters()
    first, second, last = dead_letters.list(Stage.PROJECT)
    chain.decoder.knows_odd = True
    retried = retry(chain.context, dead_letters, [first.number])
    assert (retried.done, retried.superseded) == ((second.number,), (first.number,))
    assert list(retried.failed) == [last.number]
    assert [one.number for one in dead_letters.list()] == [last.number]
    assert chain.content()["track"] == {"track1": ("odd 2", 1)}
    chain.say("track", 1, 1, "third")
    worker.step(0)
    assert dead_letters.list() == []
    assert chain.content() == chain.replayed()


def test_a_retry_that_comes_too_late_stores_nothing(chain: Chain) -> None:
    chain.say("track", 1, 0, "odd")
    worker = chain.worker()
    everything(chain)
    worker.step(0)

    class Overtaken(MemoryDeadLetters):
        def show(self, number: int) -> DeadLetter:
            dead_letter = super().show(number)
            chain.say("track", 1, 2, "gone")
            worker.step(0)
            return dead_letter

    chain.decoder.knows_odd = True
    retried = retry(chain.context, Overtaken(chain.database))
    assert retried.done == ()
    assert [reason.split(":")[0] for reason in retried.failed.values()] == ["try again"]
    assert chain.content() == chain.replayed()


def test_what_was_prepared_before_supersedes_what_is_parked_meanwhile(chain: Chain) -> None:
    chain.say("track", 1, 0, "junk")
    chain.say("track", 1, 1, "later")
    chain.log.chunk = 1
    context = chain.context
    live = context.store.live()
    assert live is not None
    applier = Applier(MODEL, context.decoder, context.store, live)
    partition = ("catalog.track", 1)
    ahead = [applier.prepare([chain.log.batch(partition, at)]) for at in (0, 1)]
    for prepared in ahead:
        applier.store(prepared)
    assert chain.content() == chain.replayed()
    assert chain.dead_letters().list(Stage.PROJECT) == []


def test_what_was_discarded_is_passed_over_by_all_generations(chain: Chain) -> None:
    chain.say("track", 1, 0, "good")
    chain.say("track", 1, 1, "odd")
    worker = chain.worker()
    everything(chain)
    while worker.step(0):
        pass
    waiting = rebuild(chain.context, switch=False, park_poison=True, report=silent)
    assert len(chain.database.dead_letters) == 2
    (dead_letter,) = chain.dead_letters().list(Stage.PROJECT)
    assert chain.dead_letters().discard([dead_letter.number]) == 1
    assert chain.database.dead_letters == {}
    chain.decoder.knows_odd = True
    done = rebuild(chain.context, report=silent)
    assert done.comparison is not None
    assert (done.switched, done.comparison.discarded) == (True, 1)
    assert "passed over 1 that" in done.comparison.summary()
    assert "passed over 1 that" in verify_live(chain.context, report=silent).summary()
    assert chain.content() == chain.replayed()
    assert chain.content()["track"] == {"track1": ("good", 0)}
    assert waiting.generation.number < done.generation.number


def test_rows_behind_a_parked_record_are_no_drift(chain: Chain) -> None:
    chain.say("track", 1, 0, "before")
    worker = chain.worker()
    everything(chain)
    worker.step(0)
    offset = chain.say("track", 1, 0, "junk")
    while worker.step(0):
        pass
    repaired = event("TrackUpdated", "track1", offset, title="after")
    chain.log.partitions["catalog.track", 1][1] = (offset, b"track1", repaired)
    done = rebuild(chain.context, report=silent)
    assert done.switched
    assert done.comparison is not None
    (difference,) = done.comparison.differences
    assert (difference.id, difference.waiting) == ("track1", True)
    assert chain.content() == chain.replayed()


def test_markers_at_the_end_of_the_log_are_passed(chain: Chain) -> None:
    chain.say("track", 0, 0, "a", gap=3)
    worker = chain.worker()
    everything(chain)
    worker.step(0)
    assert chain.checkpoints()["catalog.track", 0] == 4
    assert rebuild(chain.context, report=silent).switched
    assert chain.checkpoints() == chain.ends()
    assert MODEL.topics == ("catalog.label", "catalog.track")

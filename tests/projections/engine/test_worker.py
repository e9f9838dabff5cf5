"""The live worker beside what the state machine covers: start, stop and what is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from projections.engine.apply import Applier
from projections.engine.batch import DecoderFailed
from projections.engine.dead_letter import retry
from projections.engine.partitions import AnotherLog
from projections.engine.progress import silent
from projections.engine.rebuild import ensure_live, rebuild
from projections.engine.worker import NoLiveGeneration, run
from projections.ports.dead_letters import Stage
from tests.projections.engine.chain import MODEL, Chain, FlakyStore
from tests.projections.engine.memory_generations import MemoryGenerations, MemoryHeld
from tests.projections.engine.memory_log import event


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
    with pytest.raises(AnotherLog, match=r"catalog.track has 3 partitions, .* know 2"):
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
    with pytest.raises(DecoderFailed):
        worker.step(0)


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
    chain.say("track", 0, 1, "waits")
    assert slow.step(0) == 1
    assert chain.content() == chain.replayed()


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


def test_retrying_a_key_goes_in_order_and_lets_it_go_on(chain: Chain) -> None:
    first = chain.say("track", 1, 0, "junk")
    chain.say("track", 1, 1, "second")
    chain.say("track", 3, 1, "other key")
    worker = chain.worker()
    everything(chain)
    while worker.step(0):
        pass
    assert chain.content()["track"].keys() == {"track3"}
    letters = chain.letters()
    parked, waiting = letters.list(Stage.PROJECT)
    assert "waits" in waiting.reason
    again = retry(chain.context, letters)
    assert again.done == ()
    assert list(again.failed) == [parked.number]
    assert letters.show(parked.number).attempts == 1
    mended = event("TrackAdded", "track1", first, title="first")
    chain.log.partitions["catalog.track", 1][0] = (first, b"track1", mended)
    chain.database.letters[parked.number] = replace(letters.show(parked.number), value=mended)
    assert retry(chain.context, letters, [parked.number]).done == (parked.number, waiting.number)
    assert letters.list() == []
    chain.say("track", 1, 1, "third")  # the worker still believes the key parked
    for _ in range(3):
        worker.step(0)
    assert letters.list() == []
    assert chain.content() == chain.replayed()


def test_what_was_prepared_ahead_waits_behind_what_is_parked_meanwhile(chain: Chain) -> None:
    chain.say("track", 1, 0, "junk")
    chain.say("track", 1, 1, "later")
    chain.log.chunk = 1
    context = chain.context
    live = context.store.live()
    assert live is not None
    applier = Applier(MODEL, context.decoder, context.store, live, park=True)
    partition = ("catalog.track", 1)
    ahead = [applier.prepare([chain.log.batch(partition, at)]) for at in (0, 1)]
    for prepared in ahead:
        applier.store(prepared)
    assert chain.content() == chain.replayed()
    assert len(chain.letters().list(Stage.PROJECT)) == 2


def test_rows_behind_a_parked_record_are_no_drift(chain: Chain) -> None:
    chain.say("track", 1, 0, "before")
    worker = chain.worker()
    everything(chain)
    worker.step(0)
    offset = chain.say("track", 1, 0, "junk")
    while worker.step(0):
        pass
    mended = event("TrackUpdated", "track1", offset, title="after")
    chain.log.partitions["catalog.track", 1][1] = (offset, b"track1", mended)
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

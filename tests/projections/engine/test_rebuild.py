"""What a rebuild that fails leaves behind; and what it says of rows that would vanish."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.failures import Unavailable
from projections.engine.as_of import rebuild_as_of
from projections.engine.poison import Poison
from projections.engine.progress import Progress, silent
from projections.engine.rebuild import ensure_live, rebuild, verify_live
from projections.ports.event_decoder import BadRecord, Decoded
from projections.ports.event_log import RecordBatch
from projections.ports.generations import Generation, Phase
from projections.ports.read_store import StoreBusy
from tests.projections.engine.chain import Chain
from tests.projections.engine.memory_generations import MemoryGenerations
from tests.projections.engine.memory_log import JsonDecoder


@pytest.fixture
def chain() -> Chain:
    """A record that can't be used stands in the log; the live generation has parked it."""
    chain = Chain()
    ensure_live(chain.context)
    chain.say("track", 0, 0, "junk")
    worker = chain.worker()
    chain.log.subscriptions[-1].assign(list(chain.log.partitions))
    while worker.step(0):
        pass
    return chain


def newest(chain: Chain) -> Generation:
    """The generation that was begun last."""
    return chain.generations().all()[-1]


def test_a_rebuild_that_fails_says_why_with_its_generation(chain: Chain) -> None:
    with pytest.raises(Poison):
        rebuild(chain.context, report=silent)
    stopped = newest(chain)
    assert (stopped.phase, stopped.number) == (Phase.FILLING, 2)
    assert "catalog.track/0/0" in str(stopped.note)
    done = rebuild(chain.context, park_poison=True, report=silent)
    assert (done.resumed, done.generation.number) == (True, 2)
    assert "catalog.track/0/0" not in str(done.generation.note)


def test_so_does_one_as_of_an_instant(chain: Chain) -> None:
    with pytest.raises(Poison):
        rebuild_as_of(chain.context, datetime(2026, 1, 1, tzinfo=UTC), report=silent)
    assert "catalog.track/0/0" in str(newest(chain).note)


def test_so_does_a_verification(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("projections.engine.rebuild.fill", full)
    with pytest.raises(OSError, match="no space"):
        verify_live(chain.context, report=silent)
    assert newest(chain).note == "OSError: no space left on device"


def test_what_can_not_be_noted_hides_no_failure(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreBusy("the read database is away")

    monkeypatch.setattr(MemoryGenerations, "note_failure", away)
    with pytest.raises(Poison):
        rebuild(chain.context, report=silent)
    assert issubclass(StoreBusy, Unavailable)


def worked_off(chain: Chain) -> None:
    """The worker has seen all that was said."""
    worker = chain.worker()
    chain.log.subscriptions[-1].assign(list(chain.log.partitions))
    while worker.step(0):
        pass


class Forgetful(JsonDecoder):
    """A registry from which the labels' schemas were deleted."""

    def decode(self, batch: Sequence[RecordBatch], fields: frozenset[str] | None = None) -> Decoded:
        """See the port."""
        labels = [one for one in batch if one.topic == "catalog.label"]
        bad = [
            BadRecord(one.topic, one.partition, *record, "no such schema")
            for one in labels
            for record in zip(one.offsets, one.keys, one.values, strict=True)
        ]
        decoded = super().decode([one for one in batch if one not in labels], fields)
        return Decoded(decoded.frames, [*decoded.undecodable, *bad])


def test_rows_that_would_vanish_are_a_difference_for_rebuild_and_verify_alike() -> None:
    chain = Chain()
    ensure_live(chain.context)
    for key in range(8):
        chain.say("label", key, 0, "a")
        chain.say("track", key, 0, "a")
    worked_off(chain)
    before = chain.content()
    forgetful = replace(chain.context, decoder=Forgetful())
    done = rebuild(forgetful, park_poison=True, report=silent)
    assert done.comparison is not None
    assert (done.switched, done.generation.phase) == (False, Phase.DIFFERENT)
    assert done.comparison.summary() == "rows differ in label: 8"
    assert {one.kind for one in done.comparison.differences} == {"ghost"}
    compared = verify_live(forgetful, report=silent)
    assert compared.summary() == done.comparison.summary()
    assert chain.content() == before
    done = rebuild(forgetful, park_poison=True, accept_differences=True, report=silent)
    assert done.switched
    assert chain.content() == {**before, "label": {}}


def test_rows_that_would_go_back_are_a_difference_too() -> None:
    chain = Chain()
    ensure_live(chain.context)
    chain.say("label", 0, 0, "old")
    chain.say("label", 0, 1, "odd and new")
    chain.decoder.knows_odd = True
    worked_off(chain)
    chain.say("label", 0, 1, "junk")  # its key is parked in both: no excuse
    worked_off(chain)
    chain.decoder.knows_odd = False
    done = rebuild(chain.context, park_poison=True, report=silent)
    assert done.comparison is not None
    (difference,) = done.comparison.differences
    assert (difference.kind, difference.waiting, done.switched) == ("changed", False, False)
    assert not verify_live(chain.context, report=silent).equal


def test_a_good_event_behind_one_that_was_discarded_stays() -> None:
    chain = Chain()
    ensure_live(chain.context)
    chain.say("label", 0, 0, "junk")
    worked_off(chain)
    chain.dead_letters().discard([one.number for one in chain.dead_letters().list()])
    chain.say("label", 0, 1, "good")
    worked_off(chain)
    assert chain.content()["label"] == {"label0": ("good", 1)}
    done = rebuild(chain.context, report=silent)
    assert done.comparison is not None
    assert (done.switched, done.comparison.equal) == (True, True)
    assert chain.content()["label"] == {"label0": ("good", 1)}


@pytest.mark.parametrize("said", ["junk", "huge"])
def test_what_a_later_event_supersedes_stops_no_rebuild(said: str) -> None:
    chain = Chain()
    chain.say("track", 0, 0, said)
    chain.log.chunk = 1
    chain.say("track", 0, 1, "good")
    assert rebuild(chain.context, report=silent).switched
    assert chain.content()["track"] == {"track0": ("good", 1)}
    assert chain.dead_letters().list() == []


def test_poison_that_comes_while_it_catches_up_stops_it_until_it_is_superseded() -> None:
    chain = Chain()
    ensure_live(chain.context)
    chain.say("track", 0, 0, "good")
    worked_off(chain)
    said = iter(["junk"])

    def meanwhile(progress: Progress) -> None:
        if progress.phase == "indexing" and (value := next(said, None)):
            chain.say("track", 2, 0, value)
            worked_off(chain)

    for _ in range(2):  # and again, though nothing new is met then
        with pytest.raises(Poison, match=r"catalog\.track/0/1"):
            rebuild(chain.context, report=meanwhile)
    chain.say("track", 2, 1, "good")
    worked_off(chain)
    done = rebuild(chain.context, report=silent)
    assert (done.switched, done.resumed) == (True, True)
    assert chain.content() == chain.replayed()


def test_poison_that_an_event_beyond_the_live_generation_supersedes_says_to_wait() -> None:
    chain = Chain()
    ensure_live(chain.context)
    chain.say("track", 0, 0, "junk")
    worked_off(chain)
    chain.say("track", 0, 1, "good")  # no worker has come to it
    with pytest.raises(Poison, match=r"catalog\.track/0/0 .* event at offset 1 supersedes it"):
        rebuild(chain.context, report=silent)
    worked_off(chain)
    assert rebuild(chain.context, report=silent).switched


def test_poison_of_a_carried_topic_stops_no_rebuild_of_another(chain: Chain) -> None:
    assert rebuild(chain.context, topics=["catalog.label"], report=silent).switched

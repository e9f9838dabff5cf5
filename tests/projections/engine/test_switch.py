"""Switches between generations of releases that read other topics."""

from dataclasses import replace

import pytest

from projections.engine.context import EngineContext
from projections.engine.progress import silent
from projections.engine.rebuild import ensure_live, rebuild
from projections.engine.switch import CantSwitch, drop, rollback, switch, switch_to
from projections.ports.generations import Generation, Phase, Purpose, ReadersInTheWay
from projections.read_model import ReadModel
from tests.projections.engine.chain import MODEL, Chain

OLD = replace(MODEL, projections=tuple(p for p in MODEL.projections if p.subject == "track"))


def of_release(chain: Chain, model: ReadModel) -> EngineContext:
    """What a release sees whose read model is this one."""
    return replace(chain.context, model=model)


@pytest.fixture
def chain() -> Chain:
    """Generation 1 is of a release that read only tracks; generation 2, of today's, is live and
    further than that."""
    chain = Chain()
    chain.say("track", 0, 0, "a")
    ensure_live(of_release(chain, OLD))
    chain.say("label", 0, 0, "a")
    live = rebuild(chain.context, report=silent)
    assert live.switched
    chain.say("track", 0, 1, "b")
    worker = chain.worker()
    chain.log.subscriptions[-1].assign(list(chain.log.partitions))
    while worker.step(0):
        pass
    assert chain.content() == chain.replayed()
    return chain


def test_todays_release_refuses_a_generation_that_lacks_a_topic(chain: Chain) -> None:
    with pytest.raises(CantSwitch, match=r"generation 1 .* catalog\.label"):
        rollback(chain.context, report=silent)
    assert chain.content() == chain.replayed()


def test_todays_release_refuses_what_a_killed_rebuild_of_the_former_has_left(chain: Chain) -> None:
    left = chain.generations().create(Purpose.SERVE, OLD.known(chain.checkpoints()))
    chain.generations().advance(left, Phase.CATCHING_UP)
    with pytest.raises(CantSwitch, match=r"catalog\.label.* generations drop 3"):
        rebuild(chain.context, report=silent)


def test_the_former_release_rolls_back_to_its_own(chain: Chain) -> None:
    assert rollback(of_release(chain, OLD), report=silent).number == 1
    assert chain.content()["track"] == chain.replayed()["track"]


def waiting(chain: Chain) -> Generation:
    """A generation that was verified and waits for its switch."""
    return rebuild(chain.context, switch=False, report=silent).generation


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def wait(self, seconds: float) -> None:
        """Wait."""
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time that a switch goes by."""
    clock = Clock()
    monkeypatch.setattr("projections.engine.switch.monotonic", lambda: clock.now)
    return clock


def test_a_switch_waits_for_readers_a_little_longer_each_time(chain: Chain, clock: Clock) -> None:
    successor = waiting(chain)
    chain.database.readers = 8
    done = switch_to(chain.context, successor, park=True, report=silent, wait=clock.wait)
    assert done.phase is Phase.LIVE
    assert clock.waits == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_a_switch_gives_up_when_its_time_is_over_and_not_before(chain: Chain, clock: Clock) -> None:
    successor = waiting(chain)
    chain.database.readers = 1_000
    context = chain.context
    with pytest.raises(ReadersInTheWay):
        switch_to(context, successor, park=True, report=silent, patience=1.0, wait=clock.wait)
    assert clock.waits == [0.05, 0.1, 0.2, 0.4, 0.8]
    assert chain.generations().all()[successor.number - 1].phase is Phase.VERIFIED
    assert not chain.is_held


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("phase", [p for p in Phase if p not in {Phase.VERIFIED, Phase.RETIRED}])
def test_only_what_is_whole_and_compared_is_switched_in(
    chain: Chain, phase: Phase, force: bool
) -> None:
    number = waiting(chain).number
    if phase is Phase.LIVE:
        number = 2
    else:
        chain.database.change(number, phase=phase)
    if phase is Phase.DIFFERENT and force:
        assert switch(chain.context, number, force=force, report=silent).number == number
        return
    hint = "--force takes it" if phase is Phase.DIFFERENT else phase.value
    with pytest.raises(CantSwitch, match=hint):
        switch(chain.context, number, force=force, report=silent)
    assert [g.number for g in chain.generations().all() if g.phase is Phase.LIVE] == [2]


def test_what_was_made_to_be_compared_is_never_switched_in(chain: Chain) -> None:
    number = waiting(chain).number
    chain.database.change(number, purpose=Purpose.VERIFY)
    with pytest.raises(CantSwitch, match="verified"):
        switch(chain.context, number, force=True, report=silent)


def test_the_newest_that_waits_is_taken_where_none_is_named(chain: Chain) -> None:
    with pytest.raises(CantSwitch, match="no generation is verified"):
        switch(chain.context, None, force=False, report=silent)
    waiting(chain)
    newest = waiting(chain)
    assert switch(chain.context, None, force=False, report=silent).number == newest.number


def test_what_is_dropped_and_what_is_not(chain: Chain) -> None:
    number = waiting(chain).number
    assert drop(chain.context, number).phase is Phase.DROPPED
    with pytest.raises(CantSwitch, match="dropped already"):
        drop(chain.context, number)
    with pytest.raises(CantSwitch, match="live"):
        drop(chain.context, 2)
    with pytest.raises(CantSwitch, match="no generation 99"):
        drop(chain.context, 99)

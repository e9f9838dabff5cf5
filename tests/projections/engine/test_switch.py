"""Switches between generations of releases that read other topics."""

from dataclasses import replace

import pytest

from projections.engine.context import EngineContext
from projections.engine.progress import silent
from projections.engine.rebuild import ensure_live, rebuild
from projections.engine.switch import CantSwitch, rollback
from projections.ports.generations import Phase, Purpose
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

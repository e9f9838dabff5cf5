"""What a rebuild that fails leaves behind: its generation, and why it stopped."""

from datetime import UTC, datetime

import pytest

from domain.failures import Unavailable
from projections.engine.apply import Poison
from projections.engine.as_of import rebuild_as_of
from projections.engine.progress import silent
from projections.engine.rebuild import ensure_live, rebuild, verify_live
from projections.ports.generations import Generation, Phase
from projections.ports.read_store import StoreBusy
from tests.projections.engine.chain import Chain
from tests.projections.engine.memory_generations import MemoryGenerations


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

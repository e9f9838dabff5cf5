"""Comparisons by a generation of their own, and what they leave behind."""

import pytest

from projections.engine.progress import silent
from projections.engine.rebuild import rebuild, verify_live
from projections.ports.generations import Generation, Phase
from projections.ports.read_store import StoreBusy
from tests.projections.engine.chain import Chain
from tests.projections.engine.memory_generations import MemoryGenerations


@pytest.fixture
def chain() -> Chain:
    """A chain whose live generation was rebuilt."""
    chain = Chain()
    for key in range(6):
        chain.say("track", key, 0, "a")
    rebuild(chain.context, report=silent)
    return chain


def kept(chain: Chain) -> list[int]:
    """Numbers of generations that take room."""
    return [g.number for g in chain.generations().all() if g.phase is not Phase.DROPPED]


@pytest.mark.parametrize("next_one", [verify_live, rebuild])
def test_a_comparison_is_told_though_its_generation_cannot_be_dropped(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, next_one: type[object]
) -> None:
    def busy(self: MemoryGenerations, generation: Generation) -> None:
        raise StoreBusy("canceling statement due to lock timeout")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryGenerations, "drop", busy)
        assert verify_live(chain.context, report=silent).equal
    assert kept(chain) == [1, 2]
    next_one(chain.context, report=silent)  # type: ignore[call-arg]
    assert 2 not in kept(chain)


def test_a_comparison_that_fails_leaves_nothing_either(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(self: MemoryGenerations, *_: object) -> None:
        raise StoreBusy("lost")

    monkeypatch.setattr(MemoryGenerations, "read", lost)
    with pytest.raises(StoreBusy, match="lost"):
        verify_live(chain.context, report=silent)
    assert kept(chain) == [1]

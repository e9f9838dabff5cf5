"""What was compacted away is seen by how the events of a row begin."""

from datetime import UTC, datetime

import pytest

from projections.engine import beginnings
from projections.engine.as_of import rebuild_as_of
from projections.engine.rebuild import ensure_live, rebuild, verify_live
from tests.projections.engine.chain import Chain

TRACKS = "catalog.track"


@pytest.fixture
def chain() -> Chain:
    """Tracks that were added, changed, removed, and added again."""
    chain = Chain()
    ensure_live(chain.context)
    for key in range(6):
        chain.say("track", key, 0, "a")
        chain.say("track", key, 1, "b", gap=2)
    chain.say("track", 4, 2, "")
    chain.say("track", 4, 0, "c")
    chain.say("label", 0, 0, "l")
    projected(chain)
    return chain


def projected(chain: Chain) -> None:
    """The live generation knows all there is."""
    worker = chain.worker()
    chain.log.subscriptions[-1].assign(list(chain.log.partitions))
    for _ in range(20):
        worker.step(0)
    assert chain.checkpoints() == chain.ends()


def compacted(chain: Chain) -> None:
    """Of each track only the newest event is left."""
    for at, records in chain.log.partitions.items():
        newest = {key: offset for offset, key, _ in records}
        chain.log.partitions[at] = [one for one in records if newest[one[1]] == one[0]]


def rebuilt(chain: Chain, *, park: bool = False) -> dict[str, int]:
    found = rebuild(chain.context, switch=False, park_poison=park, report=lambda _: None)
    assert beginnings.told(found.generation) in (found.generation.note or "")
    return dict(found.generation.lacking)


def test_whole_history_lacks_nothing(chain: Chain) -> None:
    assert rebuilt(chain) == {}


@pytest.mark.parametrize("at_once", [2, 1_000_000])
def test_rows_whose_first_event_is_a_change_are_counted(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(beginnings, "_AT_ONCE", at_once)
    compacted(chain)
    assert rebuilt(chain) == {TRACKS: 5}, "the one that was added again begins with that"


def test_a_verification_says_so(chain: Chain) -> None:
    compacted(chain)
    found = verify_live(chain.context, report=lambda _: None)
    told = "history is not whole: the first event of rows (5 of catalog.track)"
    assert told in found.summary()


def test_the_catalog_as_of_an_instant_says_so(chain: Chain) -> None:
    compacted(chain)
    frozen = rebuild_as_of(chain.context, datetime(2026, 6, 1, tzinfo=UTC), report=lambda _: None)
    told = "history is not whole: the first event of rows (5 of catalog.track)"
    assert told in (frozen.note or "")


def test_first_events_that_can_t_be_used_or_were_discarded_are_no_loss(chain: Chain) -> None:
    chain.say("track", 6, 0, "junk")
    chain.say("track", 6, 1, "b")
    chain.say("track", 7, 0, "junk")
    discarded = chain.say("track", 8, 0, "a")
    chain.say("track", 8, 1, "b")
    chain.database.discarded.add((TRACKS, 0, discarded))
    projected(chain)
    assert rebuilt(chain, park=True) == {}

"""The catalog as of an instant: what was committed by then, whole commits, whatever the order."""

from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.engine.as_of import rebuild_as_of
from projections.engine.poison import Poison
from projections.engine.progress import silent
from projections.engine.rebuild import ensure_live, rebuild, verify_live
from projections.engine.switch import CantSwitch, drop, rollback, switch
from projections.ports.generations import Phase, Purpose
from tests.projections.engine.chain import BEGINNING, Chain

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["track", "label"]),
        st.integers(0, 3),
        st.sampled_from([0, 1, 1, 2]),
        st.sampled_from(["good", "good", "good", "junk", "huge"]),
        st.integers(0, 9),
    ),
    max_size=30,
)


def instant(second: int) -> datetime:
    """So many seconds after the beginning."""
    return BEGINNING + timedelta(seconds=second)


@given(EVENTS, st.integers(-1, 10), st.integers(1, 4), st.integers(0, 9))
def test_what_was_committed_by_then_is_in_it(
    events: list[tuple[str, int, int, str, int]], until: int, chunk: int, kill: int
) -> None:
    """Whatever the order of the commits' times on the topics, and whether it is killed once."""
    chain = Chain()
    chain.log.chunk = chunk
    for number, (subject, key, kind, value, second) in enumerate(events):
        bad = value == "junk" or (value == "huge" and subject == "track")
        chain.say(subject, key, kind, value if bad else f"v{number}", at=instant(second))
    chunks = iter(range(kill))

    def on_chunk() -> None:
        if kill and next(chunks, None) is None:
            raise ConnectionAbortedError

    chain.log.on_chunk = on_chunk
    with suppress(ConnectionAbortedError):
        rebuild_as_of(chain.context, instant(until), park_poison=True, report=silent)
    chain.log.on_chunk = lambda: None
    done = chain.generations().all()[-1]
    if done.phase is not Phase.FROZEN:
        done = rebuild_as_of(chain.context, instant(until), park_poison=True, report=silent)
    assert done.number == 1
    assert (done.phase, done.purpose, done.scope.as_of) == (
        Phase.FROZEN, Purpose.AS_OF, instant(until),
    )  # fmt: skip
    assert chain.content_of(done) == chain.replayed(instant(until))


@pytest.fixture
def chain() -> Chain:
    """A live generation of two commits, a second apart."""
    chain = Chain()
    ensure_live(chain.context)
    chain.say("track", 0, 0, "before", at=instant(1))
    chain.say("track", 0, 1, "after", at=instant(2))
    return chain


def test_it_is_never_switched_in(chain: Chain) -> None:
    frozen = rebuild_as_of(chain.context, instant(1), report=silent)
    for force in (False, True):
        with pytest.raises(CantSwitch, match=r"generation 2 is the catalog as of 2026.*nothing"):
            switch(chain.context, frozen.number, force=force, report=silent)
    with pytest.raises(CantSwitch, match="no generation is verified"):
        switch(chain.context, None, force=True, report=silent)
    with pytest.raises(CantSwitch, match="no former"):
        rollback(chain.context, report=silent)


def test_nothing_else_takes_it_up_or_away(chain: Chain) -> None:
    chunks = iter([1])

    def stop() -> None:
        if next(chunks, None) is None:
            raise ConnectionAbortedError

    chain.log.chunk = 1
    chain.log.on_chunk = stop
    with pytest.raises(ConnectionAbortedError):
        rebuild_as_of(chain.context, instant(1), report=silent)
    chain.log.on_chunk = lambda: None
    assert rebuild(chain.context, keep=0, report=silent).generation.number == 3
    assert verify_live(chain.context, report=silent).equal
    assert rebuild_as_of(chain.context, instant(2), report=silent).number == 5
    assert rebuild_as_of(chain.context, instant(1), report=silent).number == 2
    rebuild(chain.context, keep=0, report=silent)
    phases = {one.number: one.phase for one in chain.generations().all()}
    assert [number for number, phase in phases.items() if phase is Phase.FROZEN] == [2, 5]
    assert chain.content_of(chain.generations().all()[1])["track"]["track0"][0] == "before"


def test_an_event_without_a_commit_time_stops_it(chain: Chain) -> None:
    chain.say("label", 1, 0, "when?", at=None)
    with pytest.raises(Poison, match=r"catalog\.label/1/0 .* does not say when it was committed"):
        rebuild_as_of(chain.context, instant(1), report=silent)


def test_dropping_on_purpose(chain: Chain) -> None:
    frozen = rebuild_as_of(chain.context, instant(1), report=silent)
    assert drop(chain.context, frozen.number).phase is Phase.DROPPED
    with pytest.raises(CantSwitch, match="dropped already"):
        drop(chain.context, frozen.number)
    with pytest.raises(CantSwitch, match="is live"):
        drop(chain.context, 1)
    with pytest.raises(CantSwitch, match="no generation 9"):
        drop(chain.context, 9)

"""A rebuild that stopped is told apart from one that goes on: by whether anybody works on it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.monitoring.generations import SeenGeneration, seen
from projections.ports.generations import Generation, Phase, Purpose, Scope

AT = datetime(2026, 11, 23, 17, 4, 59, tzinfo=UTC)
FILLING = Generation("catalog", 7, "catalog_g7", Phase.FILLING, changed_at=AT)


def one(generation: Generation, *builders: str) -> SeenGeneration:
    return seen([generation], builders)[0]


@pytest.mark.parametrize("phase", list(Phase))
def test_only_what_is_unfinished_can_have_stopped(phase: Phase) -> None:
    unfinished = phase in (Phase.CREATING, Phase.FILLING, Phase.CATCHING_UP)
    assert one(replace(FILLING, phase=phase)).is_stopped is unfinished
    assert one(replace(FILLING, phase=phase), "catalog").state == phase.value


def test_a_builder_of_another_read_model_works_on_another_one() -> None:
    assert one(FILLING, "new_releases").is_stopped


def test_what_stopped_says_why_and_since_when_and_what_can_be_done() -> None:
    stopped = one(replace(FILLING, note="catalog.track/0/1: no event"))
    assert (stopped.state, stopped.stopped_since) == ("stopped", AT)
    assert stopped.why == "catalog.track/0/1: no event"
    assert "`catalog rebuild --model catalog` goes on" in stopped.way_on
    assert "`catalog generations drop 7 --model catalog` drops it" in stopped.way_on
    assert one(FILLING).why == "its process ended before it was done"


def test_what_goes_on_says_none_of_it() -> None:
    going = one(replace(FILLING, note="of an earlier attempt"), "catalog")
    assert (going.stopped_since, going.why, going.way_on) == (None, "", "")


def test_what_is_not_to_be_live_says_what_it_is_for() -> None:
    scratch = one(replace(FILLING, purpose=Purpose.VERIFY))
    assert scratch.is_scratch
    assert scratch.made_for == "verification only"
    assert "`catalog verify --model catalog` goes on" in scratch.way_on
    past = one(replace(FILLING, purpose=Purpose.AS_OF, scope=Scope(as_of=AT)))
    assert past.made_for == "as of 2026-11-23T17:04:59+00:00"
    assert "--as-of 2026-11-23T17:04:59+00:00`" in past.way_on
    carried = one(replace(FILLING, scope=Scope(carried=frozenset({"catalog.track"}))))
    assert carried.made_for == "carried over: catalog.track"
    assert "with the same --topics goes on" in carried.way_on
    assert one(FILLING).made_for == ""

"""What a bench run says of its figures: goals, ratios, the guard, the table."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from adapters.synthetic.catalog import SyntheticTopic
from bench import guard, live, rebuilding
from bench.data import final_table, flat_events
from bench.figures import Figure, absent
from bench.measuring import Clock, JobFailed, measured
from bench.peers import handwritten, jdbc_sink, quix
from bench.relations import relations
from bench.reporting import markdown

REBUILT = Figure(rebuilding.CASE_TOPIC, rebuilding.TOPIC, "events/s", 240_000.0)
LIVED = Figure(live.CASE, live.NAME, "events/s", 70_000.0)
WRITTEN = Figure(handwritten.CASE, handwritten.NAME, "events/s", 40_000.0)


def test_a_goal_is_met_in_its_own_direction() -> None:
    assert Figure("c", "rate", "events/s", 10.0, goal=10.0).reached is True
    assert Figure("c", "rate", "events/s", 9.0, goal=10.0).reached is False
    assert Figure("c", "delay", "ms", 9.0, goal=10.0, lower_is_better=True).reached is True
    assert Figure("c", "delay", "ms", 11.0, goal=10.0, lower_is_better=True).reached is False
    assert absent("c", "rate", "events/s", "why").reached is None


def test_the_best_of_the_off_the_shelf_peers_is_what_counts() -> None:
    peers = [
        Figure(jdbc_sink.CASE, "cold", "events/s", 30_000.0),
        Figure(jdbc_sink.CASE, "warm", "events/s", 48_000.0),
        absent(quix.CASE, "sink", "events/s", "can't be installed"),
    ]
    found = {f.name: f.value for f in relations([REBUILT, LIVED, WRITTEN, *peers])}
    assert found == {
        "rebuild to the fastest off-the-shelf peer": 5.0,
        "rebuild to the hand-written loop": 6.0,
        "live to the fastest off-the-shelf peer": pytest.approx(70 / 48),
        "live to the hand-written loop": 1.75,
    }


def test_without_a_peer_there_is_no_ratio_to_it() -> None:
    assert relations([REBUILT]) == []


def test_the_guard_speaks_of_ratios_that_fell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "RECORDED", tmp_path / "recorded.json")
    ratios = relations([REBUILT, LIVED, WRITTEN])
    assert guard.regressions(ratios) == []
    guard.record(ratios)
    assert guard.regressions(ratios) == []
    slower = relations([REBUILT, Figure(live.CASE, live.NAME, "events/s", 50_000.0), WRITTEN])
    assert guard.regressions(slower) == ["live to the hand-written loop: 1.25 × instead of 1.75 ×"]


def test_the_table_shows_what_could_not_be_had_and_why() -> None:
    table = markdown([REBUILT, absent("quix", "sink", "events/s", "a | b")], {"machine": "2 cores"})
    assert "| rebuild-topic | rebuild of one topic | 240,000 events/s |" in table
    assert "| quix | sink | – |" in table
    assert "a \\| b" in table
    assert "- machine: 2 cores" in table


def test_the_final_table_is_the_last_of_the_flat_events() -> None:
    plan = SyntheticTopic("track", events=700, keys=200, seed=3)
    last = pl.concat(flat_events(plan)).unique("id", keep="last").sort("id")
    right = final_table(plan).sort("id")
    assert_frame_equal(right, last.select(right.columns))


def job(clock: Clock, fails: bool) -> str:
    clock.start()
    if fails:
        raise ValueError("broken on purpose")
    clock.mark(5)
    clock.stop()
    return "done"


def test_a_job_is_measured_in_a_process_of_its_own() -> None:
    done = measured(job, False)
    assert done.value == "done"
    assert done.seconds > 0
    assert done.peak_mb > 5
    assert [count for _, count in done.timeline] == [5]
    assert [mb > 5 for _, mb in done.memory] == [True]


def test_a_failing_job_says_why() -> None:
    with pytest.raises(JobFailed, match="broken on purpose"):
        measured(job, True)

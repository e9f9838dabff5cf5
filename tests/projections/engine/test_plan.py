"""Rebuilds of some topics, what they would read, and how long they should take."""

import pytest

from projections.engine.plan import Reading, plan
from projections.engine.progress import Meter, Progress, silent, with_estimates
from projections.engine.rebuild import ensure_live, rebuild
from projections.engine.scope import scope_of
from projections.ports.generations import WHOLE, NothingToCarry, Phase, Purpose, Throughput
from tests.projections.engine.chain import MODEL, Chain

TRACKS = scope_of(MODEL, ["catalog.track"])


@pytest.fixture
def chain() -> Chain:
    """Three tracks and two labels, projected but for the last track."""
    chain = Chain()
    for number in range(2):
        chain.say("track", number, 0, f"t{number}")
        chain.say("label", number, 0, f"l{number}")
    ensure_live(chain.context)
    worker = chain.worker()
    chain.log.subscriptions[-1].assign(list(chain.log.partitions))
    worker.step(0)
    chain.say("track", 2, 0, "not yet")
    return chain


def killed_after(chain: Chain, chunks: int, **options: object) -> None:
    """Begin a rebuild and kill it."""
    left = iter(range(chunks))

    def stop() -> None:
        if next(left, None) is None:
            raise ConnectionAbortedError

    chain.log.on_chunk = stop
    with pytest.raises(ConnectionAbortedError):
        rebuild(chain.context, report=silent, **options)  # type: ignore[arg-type]
    chain.log.on_chunk = lambda: None


def test_other_tables_are_carried_over(chain: Chain) -> None:
    read: list[tuple[str, int]] = []
    replay = chain.log.replay

    def watched(positions: object, until: dict[tuple[str, int], int]) -> object:
        read.extend(p for p, end in until.items() if end)
        return replay(positions, until)  # type: ignore[arg-type]

    chain.log.replay = watched  # type: ignore[method-assign,assignment]
    live = chain.database.copies[1].tables
    live["label"]["label0"]["name"] = "repaired by hand"
    done = rebuild(chain.context, topics=["catalog.track"], report=silent)
    assert done.switched
    assert {topic for topic, _ in read} == {"catalog.track"}
    assert chain.content()["label"]["label0"][0] == "repaired by hand"
    assert chain.checkpoints()["catalog.label", 0] == 1


def test_a_drifted_table_is_made_anew_alone(chain: Chain) -> None:
    chain.database.copies[1].tables["track"]["track0"]["title"] = "by hand"
    assert not rebuild(chain.context, topics=["catalog.track"], report=silent).switched
    done = rebuild(chain.context, topics=["catalog.track"], accept_differences=True, report=silent)
    assert done.switched
    assert chain.content()["track"]["track0"][0] == "t0"


def test_what_is_parked_comes_along(chain: Chain) -> None:
    chain.say("label", 0, 0, "junk")
    worker = chain.worker()
    chain.log.subscriptions[-1].assign(list(chain.log.partitions))
    while worker.step(0):
        pass
    done = rebuild(chain.context, topics=["catalog.track"], report=silent)
    assert done.switched
    (dead_letter,) = chain.dead_letters().list()
    assert (dead_letter.key, dead_letter.generation) == (b"label0", done.generation.number)


def test_a_killed_one_is_gone_on_with_only_as_what_it_was(chain: Chain) -> None:
    chain.log.chunk = 1
    killed_after(chain, 0, topics=["catalog.track"])
    assert plan(chain.context, Purpose.SERVE, TRACKS).resumes == 2
    assert plan(chain.context, Purpose.SERVE, WHOLE).resumes is None
    killed_after(chain, 0)
    done = rebuild(chain.context, topics=["catalog.track"], report=silent)
    assert (done.resumed, done.generation.number, done.switched) == (True, 2, True)
    done = rebuild(chain.context, report=silent)
    assert (done.resumed, done.generation.number, done.switched) == (True, 3, True)
    killed_after(chain, 0, topics=["catalog.label"])
    rebuild(chain.context, report=silent)
    assert chain.generations().all()[3].phase is Phase.DROPPED  # overtaken
    assert chain.content()["track"].keys() == {"track0", "track1"}


def test_nothing_is_carried_over_from_nowhere() -> None:
    with pytest.raises(NothingToCarry, match="no live generation"):
        rebuild(Chain().context, topics=["catalog.track"], report=silent)


def test_a_plan_says_what_would_be_read(chain: Chain) -> None:
    found = plan(chain.context, Purpose.SERVE, TRACKS)
    assert found.readings == (Reading("catalog.track", 0, 0, 1), Reading("catalog.track", 1, 0, 1))
    assert (found.offsets, found.carried, found.violations) == (2, ("catalog.label",), ())
    assert (found.seconds, found.timed_by, found.total_seconds) == ({}, (), None)
    assert len(chain.generations().all()) == 1
    chain.log.broken = ["it lost its beginning"]
    assert plan(chain.context, Purpose.SERVE, WHOLE).violations == ("it lost its beginning",)


def test_a_plan_goes_by_the_pace_of_former_rebuilds(chain: Chain) -> None:
    done = rebuild(chain.context, report=silent)
    noted = chain.generations().all()[1].throughput
    assert {phase: throughput.offsets for phase, throughput in noted.items()} == {
        "filling": 4, "indexing": 4, "verifying": 4,
    }  # fmt: skip
    throughputs = {
        "filling": Throughput(4, 8.0),
        "indexing": Throughput(4, 4.0),
        "verifying": Throughput(4, 2.0),
    }
    chain.database.change(done.generation.number, throughput=throughputs)
    found = plan(chain.context, Purpose.SERVE, TRACKS)
    assert found.seconds == {"filling": 4.0, "indexing": 4.0, "verifying": 2.0}
    assert (found.timed_by, found.total_seconds) == ((2,), 10.0)
    reports: list[Progress] = []
    rebuild(chain.context, report=reports.append)
    filling, indexing, verifying = (
        next(one for one in reports if one.phase == phase)
        for phase in ("filling", "indexing", "verifying")
    )
    assert filling.then == {"indexing": 4.0, "verifying": 2.0}
    assert (indexing.done, indexing.total, indexing.detail) == (0, 2, "label")
    assert indexing.seconds_left == pytest.approx(4.0, abs=0.5)
    assert verifying.then == {}
    last = [one for one in reports if one.phase == "verifying"][-1]
    assert (last.done, last.total) == (1, 2)


def test_a_resumed_fill_counts_what_was_done(chain: Chain) -> None:
    chain.log.chunk = 1
    for number in range(2):
        chain.say("track", number, 1, "again")
    worker = chain.worker()
    chain.log.subscriptions[-1].assign(list(chain.log.partitions))
    while worker.step(0):
        pass
    killed_after(chain, 6)  # tracks, the larger topic, were read then
    reports: list[Progress] = []
    rebuild(chain.context, report=reports.append)
    first = next(one for one in reports if one.phase == "filling")
    assert 0 < first.done < 7
    assert (first.total, first.to_go) == (7, 7 - first.done)


def test_rate_and_time_left_are_of_this_run() -> None:
    reports: list[Progress] = []
    now = iter([0.0, 2.0])
    Meter("filling", 100, reports.append, lambda: next(now), done=50).add(10)
    last = reports[-1]
    assert (last.done, last.per_second, last.seconds_left, last.to_go) == (60, 5.0, 8.0, 40)
    assert last.as_dict()["to_go"] == 40


def test_time_left_counts_down_where_a_phase_can_not_tell() -> None:
    reports: list[Progress] = []
    now = iter([0.0, 0.0, 3.0, 9.0])
    told = with_estimates(reports.append, {"indexing": 5.0}, lambda: next(now))
    for done in range(3):
        told(Progress("indexing", done, 3))
    assert [one.seconds_left for one in reports] == [5.0, 2.0, 0.0]

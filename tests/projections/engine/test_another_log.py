"""Topics that aren't those that a generation was made of: nothing of them is passed over unseen."""

from dataclasses import replace

import pytest

from projections.engine import worker as working
from projections.engine.partitions import AnotherLog
from projections.engine.rebuild import build, ensure_live, rebuild
from projections.engine.switch import rollback
from projections.ports.generations import NothingToCarry, Phase, Purpose
from projections.read_model import ReadModel
from tests.projections.engine.chain import MODEL, Chain

TRACKS = "catalog.track"
ANEW = r"topic catalog\.track was deleted and made anew.*`catalog rebuild`"


@pytest.fixture
def chain() -> Chain:
    """Two tracks and a label, projected."""
    chain = Chain()
    ensure_live(chain.context)
    chain.say("track", 0, 0, "a")
    chain.say("track", 1, 0, "b")
    chain.say("label", 0, 0, "l")
    projected(chain)
    return chain


def projected(chain: Chain) -> working.Worker:
    """A worker that has projected all there is."""
    worker = chain.worker()
    chain.log.subscriptions[-1].assign(list(chain.log.partitions))
    worker.step(0)
    assert chain.content() == chain.replayed()
    return worker


def made_anew(chain: Chain) -> None:
    """The tracks' topic is another one, with more records than the former one had."""
    chain.log.make_anew(TRACKS)
    for value in ("x", "y", "z"):
        chain.say("track", 2, 0, value)


def test_a_worker_that_begins_refuses_a_topic_that_was_made_anew(chain: Chain) -> None:
    made_anew(chain)
    with pytest.raises(AnotherLog, match=ANEW):
        chain.worker()


def test_a_worker_that_runs_stores_nothing_of_it_when_it_is_assigned(chain: Chain) -> None:
    worker = projected(chain)
    before = chain.content()
    made_anew(chain)
    chain.log.subscriptions[-1].assign([(TRACKS, 0), (TRACKS, 1)])
    with pytest.raises(AnotherLog, match=ANEW):
        worker.step(0)
    assert chain.content() == before


def test_a_worker_that_runs_looks_now_and_then(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = projected(chain)
    made_anew(chain)
    monkeypatch.setattr(working, "IDENTITY_SECONDS", 0.0)
    with pytest.raises(AnotherLog, match=ANEW):
        worker.step(0)


def test_a_worker_with_nothing_to_do_finds_that_the_live_generation_is_of_topics_elsewhere(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = projected(chain)
    moved = {(f"v2.{topic}", number): 1 for topic, number in chain.log.partitions}
    new = chain.generations().create(Purpose.SERVE, moved)
    with chain.generations().hold_live() as held:
        held.switch(new)
    worker.step(0)
    monkeypatch.setattr(working, "IDENTITY_SECONDS", 0.0)
    with pytest.raises(AnotherLog, match=r"made of topic v2\.catalog\.label"):
        worker.step(0)


def test_a_worker_looks_again_when_it_comes_back(chain: Chain) -> None:
    worker = projected(chain)
    chain.decoder.failures = 1
    chain.say("track", 0, 1, "c")
    worker.step(0)
    assert worker.is_stale
    made_anew(chain)
    with pytest.raises(AnotherLog, match=ANEW):
        worker.step(0)


def test_an_id_that_no_checkpoint_has_is_taken_over_once(chain: Chain) -> None:
    chain.database.copies[1].topic_ids.clear()
    chain.worker()
    assert chain.store().topic_ids(1)[TRACKS] == "catalog.track#0"
    made_anew(chain)
    with pytest.raises(AnotherLog, match=ANEW):
        chain.worker()


def test_a_rebuild_from_the_new_topic_names_what_would_vanish(chain: Chain) -> None:
    made_anew(chain)
    found = rebuild(chain.context, report=lambda _: None)
    assert found.comparison is not None
    assert not found.switched
    kinds = {(one.kind, one.id) for one in found.comparison.differences}
    assert kinds == {("ghost", "track0"), ("ghost", "track1"), ("missing", "track2")}


def test_a_rebuild_from_the_same_events_elsewhere_is_equal_and_goes_on(chain: Chain) -> None:
    told = {at: list(records) for at, records in chain.log.partitions.items()}
    chain.log.make_anew(TRACKS)
    for at in ((TRACKS, 0), (TRACKS, 1)):
        for number, (_, key, value) in enumerate(told[at]):
            chain.log.append(at, (key or b"").decode(), value, gap=number + 1)
    found = rebuild(chain.context, report=lambda _: None)
    assert found.switched
    assert found.comparison is not None
    assert found.comparison.equal
    chain.say("track", 1, 1, "later")
    projected(chain)
    with pytest.raises(AnotherLog, match=ANEW):
        rollback(chain.context, report=lambda _: None)


def test_a_killed_rebuild_does_not_go_on_with_another_log(chain: Chain) -> None:
    class Killed(Exception):
        pass

    def kill() -> None:
        raise Killed

    chain.log.on_chunk = kill
    with pytest.raises(Killed):
        build(chain.context, Purpose.SERVE, park=False, report=lambda _: None)
    chain.log.on_chunk = lambda: None
    made_anew(chain)
    with pytest.raises(AnotherLog, match=r"generation 2 was made of .*generations drop 2"):
        rebuild(chain.context, report=lambda _: None)


def test_nothing_is_carried_over_from_another_log(chain: Chain) -> None:
    made_anew(chain)
    with pytest.raises(NothingToCarry, match="rebuild all topics"):
        rebuild(chain.context, topics=["catalog.track"], report=lambda _: None)


def test_what_was_discarded_in_the_former_topic_is_not_passed_over_in_the_new_one(
    chain: Chain,
) -> None:
    chain.database.discarded.add((TRACKS, 0, 2))
    made_anew(chain)
    rebuild(chain.context, accept_differences=True, report=lambda _: None)
    assert chain.content()["track"] == {"track2": ("z", 2)}


def test_events_under_another_prefix_are_another_log(chain: Chain) -> None:
    copy = chain.database.copies[1]
    for topics in (copy.checkpoints, copy.topic_ids):
        former = {k: v for k, v in topics.items() if TRACKS in (k, k[0])}
        for key in former:
            del topics[key]  # type: ignore[arg-type]
    copy.checkpoints |= {("old.catalog.track", 0): 1, ("old.catalog.track", 1): 1}
    with pytest.raises(
        AnotherLog, match=r"made of topic old\.catalog\.track, .* in catalog\.track"
    ):
        chain.worker()
    assert rebuild(chain.context, report=lambda _: None).switched


def test_a_topic_with_more_partitions_can_be_made_into_nothing(chain: Chain) -> None:
    chain.log.partitions[TRACKS, 2] = []
    for ask in (
        lambda: rebuild(chain.context, report=lambda _: None),
        lambda: build(chain.context, Purpose.VERIFY, park=True, report=lambda _: None),
    ):
        with pytest.raises(AnotherLog, match="catalog topics migrate"):
            ask()


def test_a_read_model_that_reads_less_than_before_is_of_the_same_log(chain: Chain) -> None:
    fewer = ReadModel("catalog", "catalog", "read_catalog", MODEL.projections[:1])
    context = replace(chain.context, model=fewer)
    made = build(context, Purpose.VERIFY, park=True, report=lambda _: None)
    assert made.phase is Phase.CATCHING_UP

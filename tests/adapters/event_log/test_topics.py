"""Topics: made as planned, and every way in which history can be cut is named."""

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from adapters.composition.endpoints import Endpoints
from adapters.event_log import topics
from adapters.event_log.connection import KafkaFailed, KafkaUnavailable
from adapters.event_log.topic_plans import (
    FOR_EVER,
    LONG_ENOUGH,
    TopicPlan,
    TopicState,
    capture_topics,
    event_topics,
    retention_warning,
    settings_to_repair,
    violations,
)
from adapters.event_log.topics import Topics
from domain.events import SUBJECTS
from projections.ports.event_log import Bounds
from tests.adapters.event_log.conftest import Write

PLAN = TopicPlan("catalog.track", 2)
WHOLE = TopicState("catalog.track", {0: Bounds(0, 7), 1: Bounds(0, 0)}, 1, FOR_EVER, FOR_EVER)


def test_plans_name_every_subject_and_table() -> None:
    assert [plan.name for plan in event_topics(4)] == [f"catalog.{name}" for name in SUBJECTS]
    assert capture_topics("master", "public", ["track"], 3) == [TopicPlan("master.public.track", 3)]


def test_replicated_topics_need_all_replicas_but_one_for_a_write() -> None:
    assert TopicPlan("t", 1).configuration(1)["min.insync.replicas"] == "1"
    assert TopicPlan("t", 1, 3).configuration(5)["min.insync.replicas"] == "2"
    assert [TopicPlan("t", 1).replicas(brokers) for brokers in (1, 2, 3, 9)] == [1, 2, 3, 3]


BROKERS = {"unclean.leader.election.enable": "false", "max.message.bytes": "1048588"}
THREE = replace(
    WHOLE,
    replication_factor=3,
    brokers=3,
    in_force={**FOR_EVER, **BROKERS, "min.insync.replicas": "2"},
)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("min.insync.replicas", "2", None),
        ("min.insync.replicas", "3", None),
        ("min.insync.replicas", "1", "min.insync.replicas is 1 instead of 2"),
        ("min.insync.replicas", "4", "min.insync.replicas is 4 instead of 2"),
        ("unclean.leader.election.enable", "true", "can be lost with a broker"),
        ("max.message.bytes", "1000000", "max.message.bytes is 1000000 instead of 1048588"),
        ("max.message.bytes", "9000000", None),
    ],
)
def test_settings_are_held_against_the_plan(setting: str, value: str, words: str | None) -> None:
    plan = TopicPlan("catalog.track", 2, message_bytes=1048588)
    state = replace(THREE, in_force={**THREE.in_force, setting: value})
    found = violations(state, plan)
    assert (found == []) if words is None else (words in found[0] and len(found) == 1)
    assert list(settings_to_repair(state, plan)) == ([] if words is None else [setting])


def test_replicas_are_held_against_the_settings_and_the_brokers() -> None:
    (few,) = violations(replace(THREE, replication_factor=1, in_force=FOR_EVER), PLAN)
    assert "has 1 replicas instead of 3 (3 brokers)" in few
    (fewer,) = violations(THREE, TopicPlan("catalog.track", 2, 5))
    assert "has 3 replicas instead of 5" in fewer, "its settings are those of what it has"
    assert violations(replace(WHOLE, brokers=1), PLAN) == []


def test_brokers_that_forget_positions_after_a_week_are_warned_of() -> None:
    assert "offsets.retention.minutes" in (retention_warning(timedelta(days=7)) or "")
    assert retention_warning(LONG_ENOUGH) is None


@pytest.mark.integration
def test_the_embedded_brokers_keep_positions(engines: Endpoints) -> None:
    assert Topics(engines.kafka).offsets_retention() > timedelta(days=1000)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (WHOLE, None),
        (None, "doesn't exist"),
        (replace(WHOLE, partitions={0: Bounds(0, 7)}), "has 1 partitions instead of 2"),
        (replace(WHOLE, partitions={0: Bounds(0, 7), 1: Bounds(3, 9)}), "begins at offset 3"),
        (replace(WHOLE, in_force=FOR_EVER | {"retention.ms": "604800000"}), "retention.ms is 6"),
        (replace(WHOLE, in_force=FOR_EVER | {"retention.bytes": "1"}), "retention.bytes is 1"),
        (replace(WHOLE, in_force=FOR_EVER | {"cleanup.policy": "compact"}), "policy is compact"),
    ],
)
def test_violations(state: TopicState | None, words: str | None) -> None:
    found = violations(state, PLAN)
    if words is None:
        assert found == []
    else:
        (sentence,) = found
        assert words in sentence
        assert sentence.startswith("catalog.track")


@pytest.mark.integration
def test_apply_creates_repairs_and_leaves(engines: Endpoints, topic: str) -> None:
    forgetful = f"{topic}.forgetful"
    admin = AdminClient(dict(engines.kafka))
    config = {"retention.ms": "1000", "max.message.bytes": "1000000"}
    admin.create_topics([NewTopic(forgetful, 1, 1, config=config)])[forgetful].result()
    topics = Topics(engines.kafka)
    plans = [
        TopicPlan(topic, 2),
        TopicPlan(forgetful, 1, message_bytes=2_000_000),
        TopicPlan(f"{topic}.new", 3),
    ]
    try:
        before, small = violations(topics.states([forgetful]).get(forgetful), plans[1])
        assert "retention.ms is 1000" in before
        assert "max.message.bytes is 1000000 instead of 2000000" in small
        assert [done.action for done in topics.apply(plans)] == ["unchanged", "repaired", "created"]
        assert [done.action for done in topics.apply(plans)] == ["unchanged"] * 3
        states = topics.states([plan.name for plan in plans])
        assert [violations(states[plan.name], plan) for plan in plans] == [[], [], []]
        assert states[f"{topic}.new"].set_configuration.items() >= FOR_EVER.items()
        assert len(states[f"{topic}.new"].partitions) == 3
    finally:
        for answer in admin.delete_topics([forgetful, f"{topic}.new"]).values():
            answer.result()


@pytest.mark.integration
def test_deleted_history_is_seen(engines: Endpoints, topic: str, write: Write) -> None:
    write(["a", "b", "c"])
    cut = TopicPartition(topic, 0, 2)
    admin = AdminClient(dict(engines.kafka))
    for answer in admin.delete_records([cut]).values():
        answer.result()
    topics = Topics(engines.kafka)
    state = topics.states([topic])[topic]
    assert state.partitions[0].first == 2
    (sentence,) = violations(state, TopicPlan(topic, 2))
    assert "begins at offset 2" in sentence


@pytest.mark.integration
def test_bounds_of_a_topic_that_is_not_there(engines: Endpoints) -> None:
    with pytest.raises(KafkaFailed, match="no topic nowhere: run `catalog topics apply`"):
        Topics(engines.kafka).bounds(["nowhere"])


@pytest.mark.integration
def test_more_replicas_than_brokers_are_refused(engines: Endpoints) -> None:
    with pytest.raises(KafkaFailed, match=r"5 replicas need as many brokers, and there are 1"):
        Topics(engines.kafka).apply([TopicPlan("nowhere", 1, 5)])


def _done(found: object) -> Future[object]:
    answer: Future[object] = Future()
    answer.set_result(found)
    return answer


class StuckAdmin:
    """The first client waits for a controller that it never hears of, as after a broker's end, and
    says of offsets that it knows none."""

    made = 0

    def __init__(self, _: object) -> None:
        StuckAdmin.made += 1
        self._is_stuck = StuckAdmin.made == 1

    def _answer(self, found: object) -> Future[object]:
        if not self._is_stuck:
            return _done(found)
        answer: Future[object] = Future()
        answer.set_exception(KafkaException(KafkaError(KafkaError._TIMED_OUT)))
        return answer

    def describe_topics(self, *_: object, **__: object) -> dict[str, Future[object]]:
        return {"catalog.track": self._answer(SimpleNamespace(topic_id="its id"))}

    def list_offsets(self, asked: Iterable[object], **_: object) -> dict[object, Future[object]]:
        return {
            one: _done(SimpleNamespace(offset=OFFSET_INVALID if self._is_stuck else 7))
            for one in asked
        }

    def describe_configs(self, asked: list[ConfigResource], **_: object) -> object:
        return {one: self._answer({}) for one in asked}


def test_a_client_that_waits_for_a_controller_in_vain_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(topics, "AdminClient", StuckAdmin)
    monkeypatch.setattr(StuckAdmin, "made", 0)
    assert Topics({}).ids(["catalog.track"]) == {"catalog.track": "its id"}
    monkeypatch.setattr(StuckAdmin, "made", 0)
    asked = Topics({})
    with pytest.raises(KafkaUnavailable):
        asked._configurations(["catalog.track"])
    assert asked._configurations(["catalog.track"]) == {"catalog.track": {}}


def test_an_end_that_nobody_knows_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken for the end, it was before every checkpoint: workers ended, as if records were lost."""
    monkeypatch.setattr(topics, "AdminClient", StuckAdmin)
    monkeypatch.setattr(StuckAdmin, "made", 0)
    assert Topics({})._bounds({"catalog.track": [0]}) == {"catalog.track": {0: Bounds(7, 7)}}
    monkeypatch.setattr(topics, "REQUEST_SECONDS", 0.0)
    monkeypatch.setattr(StuckAdmin, "made", 0)
    with pytest.raises(KafkaUnavailable, match=r"offsets of catalog\.track/0"):
        Topics({})._bounds({"catalog.track": [0]})

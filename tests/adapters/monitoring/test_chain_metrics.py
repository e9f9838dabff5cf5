"""The chain's metrics: with several read models no series is told twice, none is lost."""

from collections import Counter
from dataclasses import replace

from prometheus_client import CollectorRegistry

from adapters.monitoring.chain_metrics import Chain, ChainMetrics
from adapters.monitoring.health import ChainStatus, ParkedStatus, State, Thresholds, judge
from adapters.monitoring.snapshots import RepeatedSnapshot
from domain.failures import Failure
from tests.adapters.monitoring.test_health import BUSY_TOPIC, TOPIC, TWO_MODELS, WELL

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def told(chain: RepeatedSnapshot[Chain]) -> Series:
    """Value of each series; fails where one is told twice, as Prometheus would."""
    registry = CollectorRegistry()
    registry.register(ChainMetrics(chain))
    samples = [s for family in registry.collect() for s in family.samples]
    names = Counter((s.name, frozenset(s.labels.items())) for s in samples)
    assert [name for name, times in names.items() if times > 1] == []
    return {(s.name, frozenset(s.labels.items())): s.value for s in samples}


def test_two_read_models_of_one_topic() -> None:
    late = replace(BUSY_TOPIC, read_model="new_releases")
    parked = ParkedStatus(stage="project", read_model="new_releases", count=2)
    status = replace(TWO_MODELS, topics=[TOPIC, late], dead_letters=[parked])
    chain = RepeatedSnapshot("c", lambda: Chain(status, judge(status, Thresholds())), seconds=60)
    chain.take()
    series = told(chain)

    def of(name: str, **labels: str) -> float | None:
        return series.get((name, frozenset(labels.items())))

    for model, lag, count in (("catalog", 0, 0), ("new_releases", 10, 2)):
        work = {"stage": "project", "read_model": model}
        assert of("catalog_stage_lag_records", topic=TOPIC.topic, **work) == lag
        assert of("catalog_dead_letters", **work) == count
        assert of("catalog_stage_members", group=f"{model}-project", **work) in (1, 2)
    assert of("catalog_topic_records", stage="project", topic=TOPIC.topic) == 100


def states(series: Series) -> dict[str, float]:
    return {dict(labels)["state"]: v for (name, labels), v in series.items() if "state" in name}


def test_a_chain_that_can_not_be_looked_at_is_in_no_state_that_it_once_was_in() -> None:
    now = [0.0]
    found: list[ChainStatus] = [WELL]

    def look() -> Chain:
        if not found:
            raise Failure("the brokers are away")
        return Chain(found[0], judge(found[0], Thresholds()))

    chain = RepeatedSnapshot("chain", look, seconds=3, clock=lambda: now[0])
    unknown = {state.value: float(state is State.UNKNOWN) for state in State}
    assert states(told(chain)) == unknown, "before the first look"
    chain.take()
    assert states(told(chain))["idle"] == 1
    found.clear()
    now[0] = 60
    chain.take()
    series = told(chain)
    assert states(series) == unknown
    assert {name for name, _ in series} == {
        "catalog_chain_seen", "catalog_chain_timestamp_seconds", "catalog_state"
    }, "no figure goes on as it was"  # fmt: skip
    assert series["catalog_chain_seen", frozenset()] == 0

"""The chain's metrics: with several read models no series is told twice, none is lost."""

from collections import Counter
from dataclasses import replace

from prometheus_client import CollectorRegistry

from adapters.monitoring.chain_metrics import Chain, ChainMetrics
from adapters.monitoring.health import ParkedStatus, Thresholds, judge
from adapters.monitoring.snapshots import Repeated
from tests.adapters.monitoring.test_health import BUSY_TOPIC, TOPIC, TWO_MODELS


def told(status: object) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Value of each series; fails where one is told twice, as Prometheus would."""
    chain = Repeated("chain", lambda: status, seconds=60)
    chain.take()
    registry = CollectorRegistry()
    registry.register(ChainMetrics(chain))  # type: ignore[arg-type]
    samples = [s for family in registry.collect() for s in family.samples]
    names = Counter((s.name, frozenset(s.labels.items())) for s in samples)
    assert [name for name, times in names.items() if times > 1] == []
    return {(s.name, frozenset(s.labels.items())): s.value for s in samples}


def test_two_read_models_of_one_topic() -> None:
    late = replace(BUSY_TOPIC, read_model="new_releases")
    parked = ParkedStatus(stage="project", read_model="new_releases", count=2)
    status = replace(TWO_MODELS, topics=[TOPIC, late], dead_letters=[parked])
    series = told(Chain(status, judge(status, Thresholds())))

    def of(name: str, **labels: str) -> float | None:
        return series.get((name, frozenset(labels.items())))

    for model, lag, letters in (("catalog", 0, 0), ("new_releases", 10, 2)):
        work = {"stage": "project", "read_model": model}
        assert of("catalog_stage_lag_records", topic=TOPIC.topic, **work) == lag
        assert of("catalog_dead_letters", **work) == letters
        assert of("catalog_stage_members", group=f"{model}-project", **work) in (1, 2)
    assert of("catalog_topic_records", stage="project", topic=TOPIC.topic) == 100

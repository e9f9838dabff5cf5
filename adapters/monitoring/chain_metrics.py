"""The whole chain as Prometheus metrics, from its snapshot: what no single worker can see."""

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from adapters.monitoring.health import ChainStatus, State, Verdict
from adapters.monitoring.snapshots import RepeatedSnapshot


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain and how it is judged."""

    status: ChainStatus
    verdict: Verdict


class ChainMetrics:
    """A Prometheus collector over the newest snapshot.

    What isn't known now has no series: a figure that went on would say that all is as it was. Only
    the state is always there; without a snapshot that holds it is `unknown`.
    """

    def __init__(self, chain: RepeatedSnapshot[Chain]) -> None:
        self._chain = chain

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client."""
        snapshot = self._chain.newest()
        known = snapshot.value
        seen = GaugeMetricFamily("catalog_chain_seen", "1 while the chain can be looked at.")
        seen.add_metric([], float(known is not None and snapshot.problem is None))
        yield seen
        if snapshot.at is not None:
            at = GaugeMetricFamily("catalog_chain_timestamp_seconds", "When it was last looked at.")
            at.add_metric([], snapshot.at.timestamp())
            yield at
        yield _state(State.UNKNOWN if known is None else known.verdict.state)
        if known is not None:
            yield from _of(known.status)


def _state(found: State) -> Metric:
    state = GaugeMetricFamily("catalog_state", "1 for the chain's state.", labels=["state"])
    for possible in State:
        state.add_metric([possible.value], float(possible is found))
    return state


def _of(status: ChainStatus) -> Iterable[Metric]:
    lag = GaugeMetricFamily("catalog_stage_lag_records", "Offsets to go.", labels=_WORK)
    age = GaugeMetricFamily(
        "catalog_stage_lag_seconds", "Age of the oldest record to go.", labels=_WORK
    )
    rate = GaugeMetricFamily(
        "catalog_topic_rate", "Records per second that arrive, over a minute.", labels=_TOPIC
    )
    records = GaugeMetricFamily("catalog_topic_records", "Offsets kept.", labels=_TOPIC)
    for topic in status.topics:
        of = [topic.stage, topic.topic, topic.read_model]
        lag.add_metric(of, topic.lag)
        age.add_metric(of, topic.lag_seconds)
    # A topic that several read models read is still one topic.
    for topic in {(topic.stage, topic.topic): topic for topic in status.topics}.values():
        rate.add_metric([topic.stage, topic.topic], topic.rate)
        records.add_metric([topic.stage, topic.topic], topic.end - topic.first)
    members = GaugeMetricFamily(
        "catalog_stage_members", "Worker processes.", labels=["stage", "group", "read_model"]
    )
    parked = GaugeMetricFamily(
        "catalog_dead_letters", "Parked records.", labels=["stage", "read_model"]
    )
    counts = {(one.stage, one.read_model): one.count for one in status.dead_letters}
    for group in status.groups:
        members.add_metric([group.stage, group.group, group.read_model], group.members)
        at = (group.stage, group.read_model)
        parked.add_metric(at, counts.get(at, 0))
    generations = GaugeMetricFamily(
        "catalog_generation_phase", "1 for each generation kept.", labels=_GENERATION
    )
    for one in status.generations:
        generations.add_metric([one.read_model, str(one.number), one.phase], 1)
    retained = GaugeMetricFamily(
        "catalog_slot_retained_bytes", "Log that a slot holds back.", labels=["slot", "active"]
    )
    for slot in status.capture.slots:
        retained.add_metric([slot.name, str(slot.active).lower()], slot.retained_bytes)
    capture = GaugeMetricFamily(
        "catalog_capture_running", "1 while the connector runs.", labels=["connector"]
    )
    capture.add_metric(
        [status.capture.connector], float(status.capture.connector_state == "RUNNING")
    )
    violations = GaugeMetricFamily("catalog_topic_violations", "Topics that may forget.")
    violations.add_metric([], len(status.violations))
    return (
        lag, age, rate, records, members, parked, generations, retained, capture, violations
    )  # fmt: skip


_TOPIC = ["stage", "topic"]
_WORK = ["stage", "topic", "read_model"]
_GENERATION = ["read_model", "number", "phase"]

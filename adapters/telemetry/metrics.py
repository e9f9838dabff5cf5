"""What one worker process counts and times, as Prometheus metrics.

A registry of the process's own, made where the process is wired: nothing is global, so tests and
several workers in one process don't meet. Names follow Prometheus' conventions: base units
(seconds, bytes), `_total` for counters. docs/how-to/operations.md lists them all.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_VISIBLE = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 86400)
_RECORDS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)


class TranslationCounts(Protocol):
    """What a translator counts of itself."""

    records: int
    events: int
    duplicates: int
    parked: int
    transactions: int
    aborted: int
    rejoined: int
    seconds: float
    commit_seconds: float
    stopped_topics: set[str]


class Metrics:
    """The metrics of a worker. Its attributes are what may be counted."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.records = self._counter(
            "records", "Offsets passed, markers included.", "topic", "read_model"
        )
        self.rows = self._counter("rows_written", "Rows stored or removed.", "table", "read_model")
        self.parked = self._counter("parked_records", "Records parked as dead letters.")
        self.conflicts = self._counter(
            "conflicts", "Writes that gave way: another worker, a switch, a busy store.", "kind"
        )
        self.batch = Histogram(
            "catalog_batch_records",
            "Offsets in one transaction.",
            buckets=_RECORDS,
            registry=self.registry,
        )
        self.phase = Histogram(
            "catalog_phase_seconds",
            "Time of a batch by phase: decode, handle, store.",
            ["phase"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.visible = Histogram(
            "catalog_visible_seconds",
            "From the master's commit to the committed read row, of each batch's oldest event.",
            buckets=_VISIBLE,
            registry=self.registry,
        )
        self.generation = self._gauge("generation", "Live generation.", "read_model")
        self.checkpointed = self._gauge(
            "checkpoint_timestamp_seconds", "When a checkpoint last moved.", "read_model"
        )
        self.lag = self._gauge(
            "lag_records",
            "Records to go, as this process's consumer sees it.",
            "topic",
            "partition",
        )
        self.client = self._gauge(
            "kafka_client", "A figure of librdkafka's statistics.", "client", "figure"
        )
        self.rtt = self._gauge(
            "kafka_broker_rtt_seconds", "Round trip to a broker.", "client", "broker", "quantile"
        )

    def note_statistics(self, text: str) -> None:
        """Take in librdkafka's statistics (its `stats_cb`; STATISTICS.md of librdkafka)."""
        found = json.loads(text)
        client = _client(found)
        for figure, name in _FIGURES.items():
            self.client.labels(client, name).set(found.get(figure, 0))
        group = found.get("cgrp")
        if group is not None:
            self.client.labels(client, "rebalances").set(group["rebalance_cnt"])
            self.client.labels(client, "assigned_partitions").set(group["assignment_size"])
            self._note_lag(found["topics"])
        for broker in found["brokers"].values():
            if broker["nodeid"] >= 0:
                for quantile in ("p50", "p99"):
                    label = (client, str(broker["nodeid"]), quantile)
                    self.rtt.labels(*label).set(broker["rtt"][quantile] / 1e6)

    def note_translation(self, counts: TranslationCounts) -> None:
        """Show a translator's own counts with these metrics."""
        self.registry.register(_Translation(counts))

    def _note_lag(self, topics: Mapping[str, Any]) -> None:
        self.lag.clear()  # partitions that went to another worker are its to tell of
        for topic in topics.values():
            for number, partition in topic["partitions"].items():
                at, end = _position(partition), partition["ls_offset"]
                if int(number) >= 0 and at is not None and end >= 0:
                    self.lag.labels(topic["topic"], number).set(max(0, end - at))

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"catalog_{name}", about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(f"catalog_{name}", about, labels, registry=self.registry)


_FIGURES = {
    "replyq": "callbacks_waiting",
    "msg_cnt": "producer_queue_records",
    "msg_size": "producer_queue_bytes",
    "txmsgs": "sent_records",
    "txmsg_bytes": "sent_bytes",
    "rxmsgs": "received_records",
    "rxmsg_bytes": "received_bytes",
}


def _client(found: Mapping[str, Any]) -> str:
    """The name we gave the client: librdkafka's is `catalog-worker#consumer-3`."""
    return str(found["name"]).partition("#")[0]


def _position(partition: Mapping[str, Any]) -> int | None:
    """Next offset of the application; None while the partition isn't fetched."""
    if partition["fetch_state"] != "active":
        return None
    if partition["app_offset"] >= 0:
        return int(partition["app_offset"])
    waiting = partition["fetchq_cnt"]
    return int(partition["next_offset"]) - int(waiting) if partition["next_offset"] >= 0 else None


class _Translation:
    """Turns a translator's counts into metrics when they are asked for."""

    def __init__(self, counts: TranslationCounts) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        now = self._counts
        for name, about, value in (
            ("records", "Changes read.", now.records),
            ("events", "Events written.", now.events),
            ("duplicates", "Changes that capture sent again.", now.duplicates),
            ("parked", "Changes parked as dead letters.", now.parked),
            ("transactions", "Kafka transactions committed.", now.transactions),
            ("aborted", "Kafka transactions aborted.", now.aborted),
            ("rejoined", "Memberships and writers opened anew.", now.rejoined),
            ("seconds", "Seconds spent on committed transactions.", now.seconds),
            ("commit_seconds", "Of those, seconds in the commit.", now.commit_seconds),
        ):
            yield CounterMetricFamily(f"catalog_translate_{name}", about, value=value)
        yield GaugeMetricFamily(
            "catalog_translate_stopped_topics",
            "Change topics that are read no more, since nothing of them can be decoded.",
            value=len(now.stopped_topics),
        )

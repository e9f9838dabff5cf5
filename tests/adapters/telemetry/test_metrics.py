"""What passes through the engine's ports is counted; librdkafka's figures are taken in."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, cast

import polars as pl
import pytest
from confluent_kafka import Consumer

from adapters.composition.endpoints import Endpoints
from adapters.event_log.connection import client_configuration, reporting
from adapters.event_log.topic_plans import TopicPlan
from adapters.event_log.topics import Topics
from adapters.telemetry.metrics import Metrics
from adapters.telemetry.observed import observed
from projections.catalog import CATALOG
from projections.engine.context import EngineContext
from projections.ports.event_decoder import Decoded
from projections.ports.event_log import EventLog, RecordBatch
from projections.ports.generations import Generation, Generations, Phase
from projections.ports.read_store import CheckpointMoved, Move, ReadStore, Write
from projections.translation.counters import TranslationCounters
from tests.projections.engine.memory_spool import MemorySpool

TOPIC = "catalog.track"
LIVE = Generation("catalog", 7, "catalog", Phase.LIVE)
WRITE = Write(
    rows={"track": pl.DataFrame({"id": ["1", "2"]})},
    moves=[Move(TOPIC, 0, expected=10, position=15)],
)


class _Decoder:
    def __init__(self, committed_at: datetime) -> None:
        self._at = committed_at

    def decode(self, batch: Sequence[RecordBatch], fields: frozenset[str] | None = None) -> Decoded:
        origins = [{"committed_at": self._at}, {"committed_at": self._at + timedelta(seconds=1)}]
        return Decoded({"TrackAdded": pl.DataFrame({"origin": origins})}, [])


class _Store:
    def __init__(self) -> None:
        self.refusal: Exception | None = None

    def live(self) -> Generation:
        return LIVE

    def write(self, generation: Generation, write: Write) -> None:
        if self.refusal is not None:
            raise self.refusal


def _context(store: _Store, at: datetime) -> EngineContext:
    return EngineContext(
        CATALOG,
        cast(EventLog, None),
        _Decoder(at),
        cast(ReadStore, store),
        cast(Generations, None),
        MemorySpool,
    )


def _value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_stored_batch_is_counted_and_timed() -> None:
    metrics = Metrics()
    context = observed(_context(_Store(), datetime.now(UTC) - timedelta(seconds=20)), metrics)
    context.decoder.decode([])
    context.store.write(LIVE, WRITE)
    assert _value(metrics, "catalog_records_total", topic=TOPIC, read_model="catalog") == 5
    assert _value(metrics, "catalog_rows_written_total", table="track", read_model="catalog") == 2
    assert _value(metrics, "catalog_generation", read_model="catalog") == 7
    for phase in ("decode", "handle", "store"):
        assert _value(metrics, "catalog_phase_seconds_count", phase=phase) == 1
    # the oldest event of the batch decides how long the master's commit took to be seen
    assert _value(metrics, "catalog_visible_seconds_bucket", le="10.0") == 0
    assert _value(metrics, "catalog_visible_seconds_bucket", le="30.0") == 1
    moved = _value(metrics, "catalog_checkpoint_timestamp_seconds", read_model="catalog")
    assert moved == pytest.approx(datetime.now(UTC).timestamp(), abs=60)


def test_a_write_that_gave_way_counts_as_a_conflict_only() -> None:
    metrics, store = Metrics(), _Store()
    context = observed(_context(store, datetime.now(UTC)), metrics)
    context.decoder.decode([])
    store.refusal = CheckpointMoved([(TOPIC, 0)])
    with pytest.raises(CheckpointMoved):
        context.store.write(LIVE, WRITE)
    assert _value(metrics, "catalog_conflicts_total", kind="CheckpointMoved") == 1
    assert _value(metrics, "catalog_records_total", topic=TOPIC, read_model="catalog") is None
    assert _value(metrics, "catalog_visible_seconds_count") == 0


def test_before_its_first_batch_a_worker_tells_its_generation() -> None:
    metrics = Metrics()
    observed(_context(_Store(), datetime.now(UTC)), metrics).store.live()
    assert _value(metrics, "catalog_generation", read_model="catalog") == 7


def _statistics(**partitions: dict[str, Any]) -> str:
    return json.dumps(
        {
            "name": "catalog-worker#consumer-1",
            "msg_cnt": 0,
            "rxmsgs": 42,
            "cgrp": {"rebalance_cnt": 3, "assignment_size": len(partitions)},
            "brokers": {
                "b": {"nodeid": 1, "rtt": {"p50": 1500, "p99": 9000}},
                "bootstrap": {"nodeid": -1, "rtt": {"p50": 0, "p99": 0}},
            },
            "topics": {
                TOPIC: {
                    "topic": TOPIC,
                    "partitions": {name.strip("p"): p for name, p in partitions.items()},
                }
            },
        }
    )


def _partition(app: int, upcoming: int, end: int, waiting: int = 0) -> dict[str, Any]:
    return {
        "fetch_state": "active",
        "app_offset": app,
        "next_offset": upcoming,
        "fetchq_cnt": waiting,
        "ls_offset": end,
    }


def test_librdkafkas_statistics_tell_lag_and_round_trips() -> None:
    metrics = Metrics()
    metrics.note_statistics(
        _statistics(p0=_partition(90, 100, 100), p1=_partition(-1001, 50, 60, waiting=5))
    )
    assert _value(metrics, "catalog_lag_records", topic=TOPIC, partition="0") == 10
    assert _value(metrics, "catalog_lag_records", topic=TOPIC, partition="1") == 15
    labels = {"client": "catalog-worker", "broker": "1", "quantile": "p99"}
    assert _value(metrics, "catalog_kafka_broker_rtt_seconds", **labels) == 0.009
    metrics.note_statistics(_statistics(p1=_partition(60, 60, 60)))
    assert _value(metrics, "catalog_lag_records", topic=TOPIC, partition="0") is None, "not ours"
    assert _value(metrics, "catalog_lag_records", topic=TOPIC, partition="1") == 0


def test_a_translators_counts_are_read_when_asked_for() -> None:
    metrics, counters = Metrics(), TranslationCounters()
    metrics.note_translation(counters)
    counters.events = 12
    assert _value(metrics, "catalog_translate_events_total") == 12


@pytest.mark.integration
def test_librdkafka_takes_the_callback_and_reports(engines: Endpoints) -> None:
    metrics = Metrics()
    Topics(engines.kafka).apply([TopicPlan("statistics", 1)])
    settings = reporting(metrics.note_statistics, milliseconds=50)
    consumer = Consumer(client_configuration(engines.kafka, "worker", group_id="g", **settings))
    try:
        consumer.subscribe(["statistics"])
        deadline = monotonic() + 60
        while _value(metrics, "catalog_lag_records", topic="statistics", partition="0") != 0:
            assert monotonic() < deadline
            consumer.poll(0.1)
    finally:
        consumer.close()

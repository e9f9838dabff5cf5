"""Translation: captured changes into typed events, in Kafka transactions, by one process."""

import time
from threading import Event, Thread

import polars as pl
from confluent_kafka import Producer

from adapters.composition import workers
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.composition.translation import Watching
from adapters.event_log.producer import producer
from adapters.synthetic.catalog import SyntheticTopic, topic_batches
from bench.figures import Figure
from bench.measuring import Clock, measured
from bench.scale import SEED
from bench.stage import Stage
from projections.translation.counters import TranslationCounters

CASE = "translation"
TOPIC = "master.public.track"

_STALLED_SECONDS = 60.0


def run(stage: Stage) -> list[Figure]:
    """Translate a backlog of changes of tracks: inserts, then updates with both images."""
    keys = stage.scale.changes * 2 // 5
    plan = SyntheticTopic("track", stage.scale.changes, keys, SEED)
    changes = stage.hold("captured changes", lambda: stage.write(write_changes, plan))
    with stage.read_side("translation") as endpoints:
        done = measured(translate, stage.settings, endpoints, changes)
    return [
        Figure(
            CASE,
            "translation, one process",
            "changes/s",
            done.value / done.seconds,
            goal=40_000,
            seconds=done.seconds,
            peak_mb=done.peak_mb,
            size=done.value,
            timeline=done.timeline,
        )
    ]


def translate(clock: Clock, settings: Settings, endpoints: Endpoints, changes: int) -> int:
    """Translate all changes; timed from the first transaction on, which is not counted."""
    counters, stop = TranslationCounters(), Event()
    outcome: list[int | BaseException] = []

    def watch() -> None:
        try:
            outcome.append(_watch(clock, counters, changes))
        except BaseException as error:  # handed over to the main thread
            outcome.append(error)
        stop.set()

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    workers.translate(settings, endpoints, stop, watching=Watching(counters))
    watcher.join()
    (result,) = outcome
    if isinstance(result, BaseException):
        raise result
    if counters.parked or counters.events != changes:
        raise RuntimeError(f"{counters.parked} parked, {counters.events} events of {changes}")
    return result


def _watch(clock: Clock, counters: TranslationCounters, changes: int) -> int:
    first, heard = 0, time.monotonic()
    seen = 0
    while counters.records < changes:
        if counters.records != seen:
            seen, heard = counters.records, time.monotonic()
        if time.monotonic() - heard > _STALLED_SECONDS:
            raise TimeoutError(f"stopped at {seen} of {changes} changes")
        if seen and not first:
            first = seen
            clock.start()
        if first:
            clock.mark(seen - first)
        time.sleep(0.002)
    clock.stop()
    return changes - first


def write_changes(clock: Clock, endpoints: Endpoints, plan: SyntheticTopic) -> int:
    """Write Debezium's records of a track table's inserts and updates."""
    clock.start()
    client = producer(endpoints.kafka)
    known: dict[str, str] = {}
    written = seen = 0
    for batch in topic_batches(plan):
        records = _records(batch.rows, known, seen)
        seen += batch.rows.height
        for key, value in records:
            written += 1
            produce(client, TOPIC, key, value)
        client.flush(60)
    clock.stop()
    return written


def produce(client: Producer, topic: str, key: bytes, value: bytes) -> None:
    """Queue a record, waiting for room where there is none."""
    while True:
        try:
            client.produce(topic, key=key, value=value)
        except BufferError:
            client.poll(0.1)
        else:
            return


def _records(rows: pl.DataFrame, known: dict[str, str], first: int) -> list[tuple[bytes, bytes]]:
    """Key and value of each row's change; `known` holds each id's row as it was last written."""
    stamped = rows.with_columns(
        pl.lit("syn:feed").alias("message_id"),
        pl.lit("2026-01-01T00:00:00.000000Z").alias("updated_at"),
    )
    images = stamped.select(pl.struct(stamped.columns).struct.json_encode()).to_series()
    records = []
    for number, (row, after) in enumerate(
        zip(rows["id"].to_list(), images.to_list(), strict=True), first
    ):
        before = known.get(row)
        if before == after:  # an update of nothing makes no event
            continue
        known[row] = after
        operation = "u" if before else "c"
        value = (
            f'{{"before":{before or "null"},"after":{after},'
            f'"source":{_source(number)},"transaction":null,"op":"{operation}",{instant(number)}}}'
        )
        records.append((f'{{"id":"{row}"}}'.encode(), value.encode()))
    return records


def _source(number: int) -> str:
    """Debezium's `source`: fifty changes a commit."""
    commit = number // 50
    return (
        '{"version":"3.6.1.Final","connector":"postgresql","name":"master","snapshot":"false",'
        f'"db":"master","sequence":"[\\"{commit}\\",\\"{number}\\"]","schema":"public",'
        f'"table":"track","txId":{1000 + commit},"lsn":{number},"xmin":null,{instant(number)}}}'
    )


def instant(number: int) -> str:
    """Debezium's three clocks."""
    ms = 1_767_225_600_000 + number // 50
    return f'"ts_ms":{ms},"ts_us":{ms}000,"ts_ns":{ms}000000'

"""Fills the topics with synthetic data; each function is a job for `bench.measuring`."""

from collections.abc import Iterator
from itertools import islice

import polars as pl

from adapters.composition import clients
from adapters.composition.endpoints import Endpoints
from adapters.event_log.producer import producer
from adapters.synthetic.catalog import (
    Batch,
    SyntheticCatalog,
    SyntheticTopic,
    chunks,
    last_revisions,
    topic_batches,
)
from adapters.synthetic.events import Numbering, events_of
from adapters.synthetic.topics import write_events
from bench.measuring import Clock
from bench.scale import SEED
from bench.stage import JSON_TOPIC, Stage

_AT_ONCE = 5_000


def hold_tracks(stage: Stage) -> int:
    """Put the one-topic cases' events onto their topic, as Avro and once more as flat JSON."""
    plan = stage.scale.track_plan

    def fill() -> int:
        stage.write(write_tracks_as_json, plan)
        return stage.write(write_tracks, plan)

    return stage.hold("track events", fill)


def hold_catalog(stage: Stage, share: float = 1.0) -> int:
    """Put the events of a whole catalog onto all topics; returns how many there are."""
    plan = stage.scale.catalog_plan(share)
    what = f"events of a catalog of {plan.tracks:,} tracks"
    return stage.hold(what, lambda: stage.write(write_catalog, plan))


def write_catalog(clock: Clock, endpoints: Endpoints, plan: SyntheticCatalog) -> int:
    """Write a whole catalog's events."""
    return _write(clock, endpoints, chunks(plan))


def write_tracks(clock: Clock, endpoints: Endpoints, plan: SyntheticTopic) -> int:
    """Write one subject's events."""
    return _write(clock, endpoints, ([batch] for batch in topic_batches(plan)))


def write_tracks_as_json(clock: Clock, endpoints: Endpoints, plan: SyntheticTopic) -> int:
    """Write the same events once more, in the same order and by the same keys, as flat JSON.

    Only the columns of the final table; `event_offset` is the event's number.
    """
    clock.start()
    client = producer(endpoints.kafka)
    written = 0
    for frame in flat_events(plan):
        values = frame.select(pl.struct(frame.columns).struct.json_encode()).to_series()
        pairs = zip(frame["id"].to_list(), values.to_list(), strict=True)
        while messages := [{"key": key, "value": value} for key, value in islice(pairs, _AT_ONCE)]:
            client.produce_batch(JSON_TOPIC, messages)
            client.flush(60)
        written += frame.height
    clock.stop()
    return written


def flat_events(plan: SyntheticTopic) -> Iterator[pl.DataFrame]:
    """The events as rows of the final table, in order."""
    numbering, first = Numbering(), 0
    for batch in topic_batches(plan):
        _, events = events_of(batch, plan.seed, numbering)
        yield _as_rows(events.drop("origin", "changed"), first)
        first += events.height


def final_table(plan: SyntheticTopic) -> pl.DataFrame:
    """What the final table must hold: for each key the row of its last event."""
    last = last_revisions(plan)
    rows = plan.source.frame(plan.seed, last["n"], last["revision"])
    number = pl.when(last["revision"] > 0).then(last["revision"]).otherwise(last["n"])
    numbers = last.select(number.cast(pl.Int64).alias("event_offset"))["event_offset"]
    return rows.with_columns(
        numbers,
        pl.lit(0, pl.Int32).alias("event_partition"),
        pl.format("master.public.track/0/{}/0", numbers).alias("event_id"),
        *_narrow(rows),
    )


def _as_rows(events: pl.DataFrame, first: int) -> pl.DataFrame:
    return events.with_columns(
        pl.lit(0, pl.Int32).alias("event_partition"),
        pl.int_range(first, first + events.height, dtype=pl.Int64).alias("event_offset"),
        *_narrow(events),
    )


def _narrow(rows: pl.DataFrame) -> list[pl.Expr]:
    """Integers as the table has them."""
    return [pl.col(name).cast(pl.Int32) for name, kind in rows.schema.items() if kind == pl.Int64]


def _write(clock: Clock, endpoints: Endpoints, batches: Iterator[list[Batch]]) -> int:
    producer = clients.transactions(endpoints, f"catalog-generate-{SEED}")
    with clients.registry(endpoints) as registry:
        clock.start()
        written = write_events(batches, SEED, producer, registry, clock.mark)
        clock.stop()
    return written

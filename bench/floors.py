"""What no projection can be faster than: reading the log, decoding it, and a bare COPY."""

from typing import Any

import polars as pl
import psycopg

from adapters.composition.endpoints import Endpoints
from adapters.event_log.avro.decoder import ColumnDecoder
from adapters.event_log.event_log import KafkaEventLog
from adapters.event_log.registry import Registry
from adapters.read_database.rows import copy_frames
from bench.data import final_table, flat_events, hold_tracks
from bench.figures import Figure
from bench.measuring import Clock, Measured, measured
from bench.peers.target import make_target
from bench.scale import Scale
from bench.stage import Stage
from domain.events import topic_of

CASE = "floors"
CONSUME = "consume only"


def run(stage: Stage) -> list[Figure]:
    """Consume; consume and decode; COPY into a bare table; COPY into a keyed one."""
    events = hold_tracks(stage)
    consumed = measured(consume, stage.endpoints, False)
    decoded = measured(consume, stage.endpoints, True)
    with stage.database("copy") as dsn:
        bare = measured(copy, dsn, stage.scale, False)
        keyed = measured(copy, dsn, stage.scale, True)
    return [
        _figure(CONSUME, "events/s", events, consumed),
        _figure("consume and decode", "events/s", events, decoded),
        _figure("bare COPY", "rows/s", events, bare),
        _figure("COPY with the key", "rows/s", stage.scale.keys, keyed),
    ]


def consume(clock: Clock, endpoints: Endpoints, decode: bool) -> int:
    """Read the whole topic as the engine does; with `decode` into columns as well."""
    topic = topic_of("track")
    at = endpoints.registry
    log = KafkaEventLog(endpoints.kafka)
    decoder = ColumnDecoder(Registry(at.url, at.user, at.password))
    clock.start()
    until = {partition: bounds.end for partition, bounds in log.bounds([topic]).items()}
    done = 0
    for batches in log.replay({}, until):
        if decode:
            done += sum(frame.height for frame in decoder.decode(batches).frames.values())
        else:
            done += sum(map(len, batches))
        clock.mark(done)
    clock.stop()
    return done


def copy(clock: Clock, dsn: str, scale: Scale, keyed: bool) -> None:
    """COPY BINARY of rows that are ready: all events' into a bare table that isn't logged (as a
    rebuild appends them), or the final ones into a logged table with its primary key."""
    plan = scale.track_plan
    frames = final_table(plan).iter_slices(50_000) if keyed else flat_events(plan)
    ready = list(frames)
    make_target(dsn, "keyed" if keyed else "bare")
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        table = "keyed.track" if keyed else "bare.heap"
        if keyed:
            cursor.execute("DROP INDEX keyed.track_release, keyed.track_recording")
        else:
            cursor.execute("CREATE UNLOGGED TABLE bare.heap AS TABLE bare.track WITH NO DATA")
        connection.commit()
        clock.start()
        _copy_all(clock, cursor, table, ready)
        connection.commit()
        clock.stop()


def _copy_all(
    clock: Clock, cursor: psycopg.Cursor[Any], table: str, frames: list[pl.DataFrame]
) -> None:
    done = 0
    for frame in frames:
        statement = f"COPY {table} ({', '.join(frame.columns)}) FROM STDIN (FORMAT BINARY)"
        copy_frames(cursor, statement, [frame], frame.columns, frozenset())
        done += frame.height
        clock.mark(done)


def _figure(name: str, unit: str, count: int, done: Measured) -> Figure:
    return Figure(
        CASE,
        name,
        unit,
        done.rate(count),
        seconds=done.seconds,
        peak_mb=done.peak_mb,
        size=count,
        timeline=done.timeline,
    )

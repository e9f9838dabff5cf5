"""The loop that a good developer writes in a day: confluent-kafka, fastavro, COPY, upsert.

Newest of each key in the batch, COPY BINARY into a temporary table, INSERT … ON CONFLICT with a
version guard, offsets in the same transaction.
"""

import io
import json
from typing import Any

import fastavro
import psycopg
from confluent_kafka import Consumer, Message, TopicPartition

from adapters.composition.endpoints import Endpoints
from adapters.event_log.registry import Registry
from bench.data import hold_tracks
from bench.figures import Figure
from bench.measuring import Clock, measured
from bench.peers.target import differing_rows, make_target
from bench.stage import Stage
from domain.events import topic_of

CASE = "handwritten"
NAME = "hand-written loop (fastavro, COPY, upsert)"
_BATCH = 20_000
_COLUMNS = {
    "id": "text",
    "event_id": "text",
    "event_partition": "int4",
    "event_offset": "int8",
    "release_id": "text",
    "recording_id": "text",
    "artist_id": "text",
    "disc_number": "int4",
    "track_number": "int4",
    "title": "text",
    "version_title": "text",
    "display_artist": "text",
    "kind": "text",
    "duration_ms": "int4",
    "parental_warning": "text",
    "popularity": "float8",
    "url": "text",
}
_LISTED = ", ".join(_COLUMNS)
_UPSERT = (
    f"INSERT INTO peer.track ({_LISTED}) SELECT {_LISTED} FROM stage ON CONFLICT (id) DO UPDATE SET"
    f" ({_LISTED}) = ROW({', '.join(f'excluded.{name}' for name in _COLUMNS)})"
    " WHERE track.event_offset < excluded.event_offset"
)


def run(stage: Stage) -> list[Figure]:
    """Run the loop over the whole topic."""
    events = hold_tracks(stage)
    with stage.database("handwritten") as dsn:
        make_target(dsn, "peer")
        done = measured(loop, stage.endpoints, dsn)
        wrong = differing_rows(dsn, "peer", stage.scale.track_plan)
    return [
        Figure(
            CASE,
            NAME,
            "events/s",
            done.rate(events),
            seconds=done.seconds,
            peak_mb=done.peak_mb,
            size=events,
            timeline=done.timeline,
            note="every row right" if not wrong else f"{wrong:,} rows wrong",
        )
    ]


def loop(clock: Clock, endpoints: Endpoints, dsn: str) -> None:
    """Project the topic from its beginning to where it ends now."""
    topic = topic_of("track")
    registry = Registry(endpoints.registry.url)
    consumer = Consumer(
        {
            **endpoints.kafka,
            "group.id": "bench-handwritten",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "fetch.queue.backoff.ms": 10,
            "fetch.max.bytes": 16 * 1024 * 1024,
            "max.partition.fetch.bytes": 4 * 1024 * 1024,
        }
    )
    schemas: dict[bytes, Any] = {}
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE peer.position (partition int PRIMARY KEY, next bigint)")
        connection.execute("CREATE TEMPORARY TABLE stage (LIKE peer.track) ON COMMIT DELETE ROWS")
        connection.commit()
        clock.start()
        partitions = consumer.list_topics(topic).topics[topic].partitions
        ends = {n: consumer.get_watermark_offsets(TopicPartition(topic, n))[1] for n in partitions}
        consumer.assign([TopicPartition(topic, n, 0) for n in ends])
        done = 0
        while pending := [n for n, end in ends.items() if _position(consumer, topic, n) < end]:
            messages: list[Message] = []
            while len(messages) < _BATCH and (chunk := consumer.consume(500, 0.05)):
                messages += chunk
            if messages:
                _store(connection, consumer, topic, pending, _newest(messages, schemas, registry))
                done += len(messages)
                clock.mark(done)
        clock.stop()
    consumer.close()


def _position(consumer: Consumer, topic: str, partition: int) -> int:
    return consumer.position([TopicPartition(topic, partition)])[0].offset


def _newest(
    messages: list[Message], schemas: dict[bytes, Any], registry: Registry
) -> dict[str, tuple[Any, ...]]:
    rows: dict[str, tuple[Any, ...]] = {}
    for message in messages:
        value: bytes = message.value()  # type: ignore[assignment]
        head = value[:5]
        schema = schemas.get(head)
        if schema is None:
            text = registry.schema_text(int.from_bytes(head[1:], "big"))
            schema = schemas[head] = fastavro.parse_schema(json.loads(text))
        event: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, None)
        event["event_partition"] = message.partition()
        event["event_offset"] = message.offset()
        rows[event["id"]] = tuple(event[name] for name in _COLUMNS)
    return rows


def _store(
    connection: psycopg.Connection,
    consumer: Consumer,
    topic: str,
    partitions: list[int],
    rows: dict[str, tuple[Any, ...]],
) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(f"COPY stage ({_LISTED}) FROM STDIN (FORMAT BINARY)".encode()) as copy:
            copy.set_types(list(_COLUMNS.values()))
            for row in rows.values():
                copy.write_row(row)
        cursor.execute(_UPSERT.encode())
        for partition in partitions:
            cursor.execute(
                "INSERT INTO peer.position VALUES (%s, %s) ON CONFLICT (partition)"
                " DO UPDATE SET next = excluded.next",
                (partition, _position(consumer, topic, partition)),
            )

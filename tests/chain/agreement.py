"""Whether the read catalog says what the master says, and each event is there once.

Both are asked past the product's own code: plain SQL on both databases, and a plain consumer.
"""

import json
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any

import psycopg
from confluent_kafka import Consumer, TopicPartition
from fastavro import parse_schema, schemaless_reader

from adapters.composition.endpoints import Endpoints
from adapters.event_log.registry import Registry
from domain.events import topic_of

SUBJECTS = (
    "party",
    "artist",
    "licensor",
    "label",
    "release",
    "recording",
    "track",
    "format",
    "identifier",
    "contributor",
    "related_release",
)
"""Tables that are called alike on both sides."""
DEALS = ("download_offer", "streaming_right")
"""Read tables that the master's deals become."""
_DOWNLOAD = "use_type IS NOT NULL AND right(use_type, 8) = 'Download'"
_OWN = {"event_id", "event_partition", "event_offset", "updated_at"}
"""What each side says of itself."""


def disagreements(endpoints: Endpoints, ids: Sequence[str] | None = None) -> list[str]:
    """Rows that master and read catalog don't have alike: those with these ids, or all but
    synthetic ones and those of another origin."""
    pairs = [(subject, subject, "true") for subject in SUBJECTS]
    pairs += [
        ("deal", read, condition)
        for read, condition in zip(DEALS, (_DOWNLOAD, f"NOT ({_DOWNLOAD})"), strict=True)
    ]
    return [line for pair in pairs for line in _compare(endpoints, *pair, ids)]


def _compare(
    endpoints: Endpoints, master: str, read: str, condition: str, ids: Sequence[str] | None
) -> list[str]:
    chosen = "id NOT LIKE 'syn:%'" if ids is None else "id = ANY(%(ids)s)"
    ours_only = "event_id LIKE 'master.public.%'" if ids is None else "true"
    with psycopg.connect(endpoints.read_dsn) as connection:
        columns = [
            name
            for (name,) in connection.execute(
                "SELECT column_name FROM information_schema.columns"
                " WHERE table_schema = 'catalog' AND table_name = %s ORDER BY 1",
                (read,),
            )
            if name not in _OWN
        ]
        assert "id" in columns
        listed = ", ".join(columns)
        ours = _rows(
            connection,
            f"SELECT {listed} FROM catalog.{read} WHERE {ours_only} AND {chosen}",
            columns,
            ids,
        )
    with psycopg.connect(endpoints.master_dsn) as connection:
        theirs = _rows(
            connection,
            f"SELECT {listed} FROM public.{master} WHERE {condition} AND {chosen}",
            columns,
            ids,
        )
    return [
        f"{read} {own}: master {theirs.get(own)}, read {ours.get(own)}"
        for own in sorted(ours.keys() | theirs.keys())
        if ours.get(own) != theirs.get(own)
    ]


def _rows(
    connection: psycopg.Connection, statement: str, columns: list[str], ids: Sequence[str] | None
) -> dict[str, tuple[Any, ...]]:
    at = columns.index("id")
    return {
        row[at]: tuple(_plain(cell) for cell in row)
        for row in connection.execute(
            statement.encode(), None if ids is None else {"ids": list(ids)}
        )
    }


def _plain(cell: Any) -> Any:
    """Prices with their amounts as numbers: `4.0` and `4.00` are one amount."""
    if isinstance(cell, list) and cell and isinstance(cell[0], dict):
        return [
            {name: Decimal(text) if name == "amount" else text for name, text in price.items()}
            for price in cell
        ]
    return cell


def event_ids(endpoints: Endpoints) -> Counter[str]:
    """How often a read_committed reader sees each event that capture led to."""
    consumer = Consumer(
        {
            **endpoints.kafka,
            "group.id": "chain-census",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    try:
        topics = consumer.list_topics(timeout=30).topics
        partitions = [
            TopicPartition(name, partition, 0)
            for name, topic in topics.items()
            if name.startswith(topic_of(""))
            for partition in topic.partitions
        ]
        return _census(consumer, partitions, endpoints)
    finally:
        consumer.close()


def _census(
    consumer: Consumer, partitions: list[TopicPartition], endpoints: Endpoints
) -> Counter[str]:
    found: Counter[str] = Counter()
    schemas: dict[int, Any] = {}
    consumer.assign(partitions)
    ended = 0
    with Registry(endpoints.registry.url) as registry:
        while ended < len(partitions):
            for message in consumer.consume(1000, timeout=1.0):
                error = message.error()
                if error is not None:
                    assert error.name() == "_PARTITION_EOF", error.str()
                    ended += 1
                    continue
                value = message.value()
                assert value is not None
                number = int.from_bytes(value[1:5], "big")
                if number not in schemas:
                    schemas[number] = parse_schema(json.loads(registry.schema_text(number)))
                event: Any = schemaless_reader(BytesIO(value[5:]), schemas[number], None)
                found[event["event_id"]] += 1
    return found

"""The clients of Kafka, the schema registry and Kafka Connect: each is made here.

Who needs one asks for it with the addresses of `endpoints`. Nothing outside this package makes one
(a test holds every room to it), so there is one place that knows how each is set up.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from contextlib import closing
from functools import partial

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from adapters.capture.connect import Connect
from adapters.composition.endpoints import Endpoints
from adapters.event_log import history, newest, tail
from adapters.event_log.connection import client_configuration, require_reachable
from adapters.event_log.event_log import READING
from adapters.event_log.history import History, SearchLimits
from adapters.event_log.newest import Newest
from adapters.event_log.producer import transactional_producer
from adapters.event_log.registry import Registry
from adapters.event_log.topics import Topics
from adapters.explanation import history as explaining
from adapters.monitoring.positions import Positions
from projections.ports.event_log import Bounds, TopicPartition


def require_brokers(endpoints: Endpoints) -> None:
    """Say at once that Kafka is away, for a user who waits. Raises KafkaUnavailable."""
    require_reachable(endpoints.kafka)


def topics(endpoints: Endpoints) -> Topics:
    """The topics as the brokers know them."""
    return Topics(endpoints.kafka)


def topic_bytes(endpoints: Endpoints, names: Collection[str]) -> dict[str, int]:
    """Bytes of topics on the brokers' disks. Raises KafkaFailed."""
    from adapters.event_log import sizes  # noqa: PLC0415 - a second client, slow to import

    return sizes.topic_bytes(endpoints.kafka, names)


def positions(endpoints: Endpoints) -> Positions:
    """How far each group is; close it."""
    consumer = Consumer(
        client_configuration(
            endpoints.kafka,
            "status",
            group_id="catalog-status",  # librdkafka wants one; nothing is ever committed
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
    )
    return Positions(admin(endpoints, "status"), consumer)


def admin(endpoints: Endpoints, role: str) -> AdminClient:
    """A bare client for questions about the brokers; `role` names it in their log."""
    return AdminClient(client_configuration(endpoints.kafka, role))


def reader(endpoints: Endpoints, role: str) -> Consumer:
    """A bare consumer for who assigns partitions and only looks; close it."""
    return Consumer(
        client_configuration(endpoints.kafka, role, **READING, group_id=f"catalog-{role}")
    )


def read_topics(
    endpoints: Endpoints, names: Sequence[str], start: tail.Start, *, follow: bool
) -> Generator[tail.Record]:
    """Records from an instant on; see `event_log.tail`. Raises KafkaFailed."""
    return tail.read_topics(endpoints.kafka, names, start, follow=follow)


def look_back(
    endpoints: Endpoints, at: TopicPartition, key: bytes, bounds: Bounds, limits: SearchLimits
) -> History:
    """The records of one key, newest first; see `event_log.history`. Raises KafkaFailed."""
    return history.look_back(endpoints.kafka, at, key, bounds, limits)


def newest_records(endpoints: Endpoints, topic: str, key: str | None = None) -> Newest:
    """The newest records of a topic; see `event_log.newest`. Raises KafkaFailed."""
    bounds = topics(endpoints).bounds([topic])
    with closing(reader(endpoints, "newest")) as consumer:
        return newest.newest_records(consumer, bounds, key=None if key is None else key.encode())


def transactions(endpoints: Endpoints, transactional_id: str) -> Producer:
    """A producer for transactions; a second one of the same id fences the first."""
    return transactional_producer(endpoints.kafka, transactional_id)


def event_history(endpoints: Endpoints) -> explaining.History:
    """The events of single rows; see `explanation.history`."""
    log = explaining.LogReading(
        bounds=lambda names: topics(endpoints).bounds(names),
        look_back=partial(history.look_back, endpoints.kafka),
    )
    return explaining.history_of(log, lambda: registry(endpoints))


def registry(endpoints: Endpoints) -> Registry:
    """The schema registry; close it."""
    return Registry.at(endpoints.registry)


def kafka_connect(endpoints: Endpoints) -> Connect:
    """Kafka Connect."""
    return Connect(endpoints.connect_url)

"""Topics of a test's own, on the real broker."""

import secrets
from collections.abc import Callable, Iterator, Sequence

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from adapters.composition.endpoints import Endpoints
from adapters.event_log.producer import transactional_producer
from adapters.event_log.topic_plans import TopicPlan
from adapters.event_log.topics import Topics

Write = Callable[..., None]


@pytest.fixture
def topic(engines: Endpoints) -> Iterator[str]:
    """Name of a fresh topic with two partitions that keeps everything."""
    name = f"test.{secrets.token_hex(6)}"
    Topics(engines.kafka).apply([TopicPlan(name, 2)])
    yield name
    admin = AdminClient(dict(engines.kafka))  # answers only while it lives
    admin.delete_topics([name])[name].result()


@pytest.fixture
def write(engines: Endpoints, topic: str) -> Iterator[Write]:
    """Write texts into a partition of the topic, as one transaction, committed or aborted."""
    producer: Producer = transactional_producer(engines.kafka, f"writer-of-{topic}")
    producer.init_transactions(30)

    def write(texts: Sequence[str], partition: int = 0, *, commit: bool = True) -> None:
        producer.begin_transaction()
        for text in texts:
            producer.produce(topic, text.encode(), b"k", partition=partition)
        producer.flush(30)
        if commit:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)

    yield write
    producer.flush(5)

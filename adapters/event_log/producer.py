"""How events are written: keyed, in order, without loss or doubles, in transactions."""

from collections.abc import Callable, Iterable, Mapping

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from adapters.event_log.connection import (
    REQUEST_SECONDS,
    KafkaUnavailable,
    Statistics,
    client_configuration,
    reporting,
)

TRANSACTION_SECONDS = 15.0
"""Then brokers abort a transaction: readers wait so long for one that died and stays away."""
OnDelivery = Callable[[KafkaError | None, Message], None]


def transactional_producer(
    kafka: Mapping[str, str],
    transactional_id: str,
    statistics: Statistics | None = None,
    on_failed_delivery: OnDelivery | None = None,
) -> Producer:
    """Make a producer for transactions; the caller calls `init_transactions` first.

    A second producer with the same `transactional_id` fences the first. Keys are hashed as
    Kafka's Java client does (murmur2), so that any producer of a key finds the same partition.
    `on_failed_delivery` is told of records that the brokers didn't take, within a commit or flush.
    """
    told = {} if on_failed_delivery is None else {"on_delivery": on_failed_delivery}
    return Producer(
        client_configuration(
            kafka,
            "producer",
            transactional_id=transactional_id,
            transaction_timeout_ms=round(TRANSACTION_SECONDS * 1000),
            message_timeout_ms=12_000,  # shorter than the transaction, or it is refused
            **_IN_ORDER,
            **reporting(statistics),
        )
        | {"delivery.report.only.error": True}
        | told
    )


def producer(kafka: Mapping[str, str]) -> Producer:
    """Make a producer without transactions: idempotent, keys hashed in the same way."""
    return Producer(client_configuration(kafka, "producer", **_IN_ORDER))


def write_durably(producer: Producer, records: Iterable[tuple[str, bytes, bytes | None]]) -> None:
    """Write (topic, key, value) and return when the brokers have them all.

    Raises KafkaFailed where one was refused or stays without an answer: any of them may be there.
    """
    refused: list[str] = []

    def note(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            refused.append(f"{message.topic()}: {error.str()}")

    try:
        for topic, key, value in records:
            producer.produce(topic, value, key, on_delivery=note)
            producer.poll(0)
        waiting = producer.flush(REQUEST_SECONDS)
    except (KafkaException, BufferError) as error:
        raise KafkaUnavailable(f"Kafka: writing records: {error}") from error
    if refused or waiting:
        why = refused[0] if refused else f"no answer in {REQUEST_SECONDS:.0f} s"
        raise KafkaUnavailable(f"Kafka: writing records: {why}")


_IN_ORDER = {
    "enable_idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",
    "compression_type": "lz4",
    "linger_ms": 2,  # a commit flushes anyhow; this only lets records meet
    "batch_size": 512 * 1024,
    "queue_buffering_max_messages": 200_000,
    "queue_buffering_max_kbytes": 64 * 1024,
}

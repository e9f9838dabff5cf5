"""Synthetic events straight onto the event topics, as a translator would have written them."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import polars as pl
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from adapters.event_log.avro.wire import SchemaIds, header
from adapters.event_log.connection import failed
from adapters.synthetic.avro import encode
from adapters.synthetic.catalog import Batch
from adapters.synthetic.events import Numbering, events_of
from domain.events import topic_of
from domain.schemas import contract_of

_SECONDS = 60.0
_AT_ONCE = 5_000
"""Records handed to the client in one call."""


def records(
    batch: Batch, seed: int, numbering: Numbering, ids: SchemaIds
) -> tuple[list[bytes], list[bytes]]:
    """Keys and values of a batch's events, in their order.

    Raises NotRegistered.
    """
    event_type, frame = events_of(batch, seed, numbering)
    contract = contract_of(event_type)
    schema_id = ids.schema_id(contract.name, contract.newest.text)
    values = encode(frame, contract.newest.schema, header(schema_id))
    return frame["id"].cast(pl.Binary).to_list(), values


def write_events(
    batches: Iterable[list[Batch]],
    seed: int,
    producer: Producer,
    ids: SchemaIds,
    report: Callable[[int], None] = lambda events: None,
) -> int:
    """Write all events, a transaction for each list of batches; returns how many.

    `producer` is a transactional one; `report` gets the number so far. What a killed run left
    unfinished is invisible to
    `read_committed` readers. Raises KafkaFailed, NotRegistered.
    """
    numbering = Numbering()
    written = 0
    try:
        producer.init_transactions(_SECONDS)
        for together in batches:
            producer.begin_transaction()
            for batch in together:
                keys, values = records(batch, seed, numbering, ids)
                _send(producer, topic_of(batch.source.subject), keys, values)
                written += len(keys)
            producer.commit_transaction(_SECONDS)
            report(written)
    except KafkaException as error:
        raise failed("writing events", error) from error
    return written


def _send(producer: Producer, topic: str, keys: list[bytes], values: list[bytes]) -> None:
    """Queue all records, waiting where the client's queue is full."""
    pairs = zip(keys, values, strict=True)
    while messages := [{"key": key, "value": value} for key, value in islice(pairs, _AT_ONCE)]:
        while messages:
            producer.produce_batch(topic, messages, on_delivery=_refuse_loss)
            messages = [message for message in messages if "_error" in message]
            for message in messages:
                error: Any = message.pop("_error")
                if error.code() != KafkaError._QUEUE_FULL:
                    raise KafkaException(error)
            producer.poll(0.1 if messages else 0)


def _refuse_loss(error: KafkaError | None, message: Message) -> None:
    if error is not None:
        raise KafkaException(error)

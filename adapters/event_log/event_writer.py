"""Writes events in Kafka transactions.

Brokers refuse a batch of records as a whole where one is too large. So what was refused with others
is written alone the next time: only then is it at fault for certain.
"""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from adapters.event_log.bounded import Unanswered, bounded
from adapters.event_log.connection import REQUEST_SECONDS, Statistics, failed
from adapters.event_log.producer import TRANSACTION_SECONDS, transactional_producer
from domain.failures import Failure
from projections.ports.change_log import Membership, Position, Superseded
from projections.ports.dead_letters import Headers
from projections.ports.event_log import TopicPartition as Partition
from projections.ports.event_writer import EventTooLarge, OutgoingEvent

_AT_FAULT = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD})
"""What brokers say of a record that is at fault itself."""
_GRACE_SECONDS = 2.0  # for a request that ends in time by itself


class KafkaEventWriter:
    """Implements `projections.ports.event_writer.EventWriter`."""

    def __init__(
        self,
        kafka: Mapping[str, str],
        transactional_id: str,
        statistics: Statistics | None = None,
        seconds: float = REQUEST_SECONDS,
    ) -> None:
        """Take the transactional id over: a transaction that somebody left open is aborted.

        `seconds` is how long each request may take. Raises KafkaUnavailable, KafkaMisconfigured.
        """
        self._id, self._seconds = transactional_id, seconds
        self._suspects: set[OutgoingEvent] = set()
        """Refused in a batch; written alone until a transaction is committed."""
        self._refused: dict[OutgoingEvent, str] = {}
        """Refused alone, in this transaction."""
        self._producer: Producer = transactional_producer(
            kafka, transactional_id, statistics, self._note_delivery
        )
        try:
            self._producer.init_transactions(seconds)
        except KafkaException as error:
            raise self._failure("taking over", error) from error

    def begin(self) -> None:
        """See the port."""
        self._refused.clear()
        try:
            self._producer.begin_transaction()
        except KafkaException as error:
            raise self._failure("beginning", error) from error

    def write(
        self, event: OutgoingEvent, headers: Headers | None = None, *, written_at: int = 0
    ) -> None:
        """See the port; `written_at` in milliseconds since 1970, 0 for now."""
        is_suspect = bool(self._suspects) and event in self._suspects
        if is_suspect:
            self._producer.flush(self._seconds)
        self._produce(event, headers, written_at)
        if is_suspect:
            self._producer.flush(self._seconds)
            if event in self._refused:
                raise EventTooLarge(self._refused[event])

    def _produce(self, event: OutgoingEvent, headers: Headers | None, written_at: int) -> None:
        while True:
            try:
                self._producer.produce(
                    event.topic,
                    event.value,
                    event.key,
                    timestamp=written_at,
                    headers=None if headers is None else list(headers),
                )
                return
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                if error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                    raise EventTooLarge(_too_large(event)) from error
                raise self._failure("writing", error) from error

    def commit(self, positions: Mapping[Partition, Position], membership: Membership) -> None:
        """See the port."""
        offsets = [TopicPartition(*at, one.offset, one.note) for at, one in positions.items()]
        try:
            if offsets:
                self._send(offsets, membership)
            self._finish(self._producer.commit_transaction)
        except KafkaException as error:
            raise self._failure("committing", error) from error
        self._suspects.clear()

    def _send(self, offsets: list[TopicPartition], membership: Membership) -> None:
        send = partial(
            self._producer.send_offsets_to_transaction, offsets, membership, self._seconds
        )
        try:
            bounded(send, min(self._seconds, TRANSACTION_SECONDS) + _GRACE_SECONDS)
        except Unanswered as error:  # a new writer fences this one, and aborts its transaction
            raise Superseded(
                f"the writer {self._id} is stuck with its positions: {error}"
            ) from None

    def abort(self) -> None:
        """See the port."""
        try:
            self._finish(self._producer.abort_transaction)
        except KafkaException as error:
            raise Superseded(f"the transaction of {self._id} can't be aborted: {error}") from error

    def close(self) -> None:
        """See the port."""
        self._producer.purge()

    def _finish(self, request: Any) -> None:
        """Commit or abort; a request without an answer is repeated: its outcome isn't known."""
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                request(self._seconds)
                return
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline:
                    raise

    def _note_delivery(self, error: KafkaError | None, message: Message) -> None:
        """An event could not be delivered: alone, or with others."""
        if error is None or error.code() not in _AT_FAULT:
            return
        event = OutgoingEvent(str(message.topic()), message.key() or b"", message.value() or b"")
        if event in self._suspects:
            self._refused[event] = f"{_too_large(event)}: {error.str()}"
        else:
            self._suspects.add(event)

    def _failure(self, doing: str, error: KafkaException) -> Failure:
        if error.args[0].fatal():
            return Superseded(
                f"the writer {self._id} was taken over by another process of the same name, or its "
                f"transaction is lost ({error.args[0].str()})"
            )
        return failed(f"{doing} a transaction of {self._id}", error)


def _too_large(event: OutgoingEvent) -> str:
    return (
        f"its event for {event.topic} has {len(event.value):,} bytes, more than may be written "
        "(CATALOG_KAFKA__MESSAGE_MAX_BYTES; `catalog topics apply` tells it to the topics)"
    )

"""The translating worker: capture topics in, event topics out, exactly once.

All events of one batch, the offsets behind it and the memory of repeats are one Kafka transaction.
A record that can't be used is parked first; so is everything of its key behind it.

A process that is killed leaves an open transaction and a membership behind. The next one of the
same instance name aborts the one (`init_transactions` fences it) and takes up the other at once.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import cast

import structlog
from confluent_kafka import KafkaException, Message, Producer

from adapters.capture.change_log import CaptureMember, PartitionMemory
from adapters.capture.interpreter import Interpreter, Outgoing
from adapters.capture.records import Skip
from adapters.event_log.avro.encoder import EventEncoder
from adapters.event_log.connection import Statistics, failed
from adapters.event_log.producer import transactional_producer
from adapters.telemetry.tracing import ChangeTraces, RecordHeaders
from domain.events import EVENT_TYPES
from domain.failures import Failure, Unusable
from projections.ports.dead_letters import DeadLetters, Headers, RejectedRecord, Stage

log = structlog.get_logger("translate")

_POLL_SECONDS = 0.2
_INIT_SECONDS = 30.0
_COMMIT_SECONDS = 30.0
_LONGEST_PAUSE = 5.0
_WAITS = "waits behind an earlier record of its key"
_NONE: tuple[tuple[Outgoing, ...], None] = ((), None)


@dataclass(slots=True)
class Progress:
    """What a translator has done since it started; written by it, read by anybody."""

    records: int = 0
    events: int = 0
    repeats: int = 0
    """Changes that capture sent again."""
    parked: int = 0
    transactions: int = 0
    aborted: int = 0
    seconds: float = 0.0
    """Spent on committed transactions."""
    commit_seconds: float = 0.0
    """Of those, in the commit, which flushes what was produced."""


def run_translator(
    kafka: Mapping[str, str],
    topics: Sequence[str],
    encoder: EventEncoder,
    letters: DeadLetters,
    stop: Event,
    *,
    group: str,
    instance: str = "1",
    progress: Progress | None = None,
    statistics: Statistics | None = None,
    traces: ChangeTraces | None = None,
) -> None:
    """Translate until `stop` is set.

    `topics` are the capture topics; they may appear later. The offsets of `group` say how far
    translation is; `instance` names this process among those of the group and must be the same
    after a restart. `statistics` gets librdkafka's now and then, `traces` is told of the changes.
    Raises KafkaFailed where another process has taken the instance over or history is gone,
    NotRegistered where a contract isn't in the registry.
    """
    encoder.prepare(EVENT_TYPES)
    producer = transactional_producer(kafka, f"{group}-{instance}", statistics)
    _init(producer, instance)
    member = CaptureMember(kafka, group, instance, topics, statistics)
    interpreter = Interpreter(encoder)
    worker = _Translator(producer, member, interpreter, letters, progress or Progress(), traces)
    try:
        worker.run(stop)
    finally:
        member.close()
        producer.purge()


def _init(producer: Producer, instance: str) -> None:
    try:
        producer.init_transactions(_INIT_SECONDS)
    except KafkaException as error:
        raise failed(f"transactions of translation instance {instance!r}", error) from error


class _Translator:
    def __init__(
        self,
        producer: Producer,
        member: CaptureMember,
        interpreter: Interpreter,
        letters: DeadLetters,
        progress: Progress,
        traces: ChangeTraces | None,
    ) -> None:
        self._producer = producer
        self._member = member
        self._interpreter = interpreter
        self._letters = letters
        self._progress = progress
        self._traces = traces

    def run(self, stop: Event) -> None:
        pause = 0.0
        while not stop.is_set():
            try:
                messages = self._member.poll(_POLL_SECONDS)
                if messages:
                    self._transact(messages)
                    pause = 0.0
            except _Aborted as aborted:
                # Nothing is lost: the batch is read again. Whatever holds it up may last.
                self._progress.aborted += 1
                pause = min(_LONGEST_PAUSE, max(0.05, pause * 2))
                log.warning("transaction aborted", reason=str(aborted), pause=pause)
                stop.wait(pause)

    def _transact(self, messages: list[Message]) -> None:
        """One batch, whole or not at all. Raises _Aborted, KafkaFailed."""
        done, began = Progress(), time.monotonic()
        try:
            self._producer.begin_transaction()
            for message in messages:
                events, headers = self._events_of(message, done)
                for event in events:
                    self._produce(event, headers)
            offsets = self._member.offsets()
            if offsets:
                self._producer.send_offsets_to_transaction(
                    offsets, self._member.metadata(), _COMMIT_SECONDS
                )
            committing = time.monotonic()
            self._commit()
        except KafkaException as error:
            self._abort(messages, error)
            raise _Aborted(str(error.args[0])) from error
        except Failure as error:
            # The dead letters can't be reached: nothing may pass that might have to be parked.
            self._abort(messages, None)
            raise _Aborted(str(error)) from error
        self._member.note_committed(offsets)
        if self._traces is not None:
            self._traces.committed()
        done.commit_seconds = time.monotonic() - committing
        done.seconds = time.monotonic() - began
        self._note(done)

    def _events_of(
        self, message: Message, done: Progress
    ) -> tuple[Sequence[Outgoing], RecordHeaders | None]:
        """The events of one record, and the headers that they carry; none where it was seen, says
        nothing, or is parked.
        """
        topic, partition = cast(str, message.topic()), cast(int, message.partition())
        offset = cast(int, message.offset())
        at = self._member.partitions[topic, partition]
        if offset < at.next_offset:  # fetched twice around a rebalance
            return _NONE
        at.next_offset = offset + 1
        done.records += 1
        key, value = message.key(), message.value()
        try:
            change = self._interpreter.change(topic, partition, offset, key, value)
            if isinstance(change, Skip):
                return _NONE
            if at.repeats.is_repeat(change):
                done.repeats += 1
                return _NONE
            if key is not None and self._waits(at, topic, offset, key):
                raise Unusable(_WAITS)
            events = self._interpreter.events(change)
        except Unusable as problem:
            self._park(at, message, str(problem))
            done.parked += 1
            return _NONE
        done.events += len(events)
        if self._traces is None or not events:
            return events, None
        return events, self._traces.begin(message, change, len(events))

    def _waits(self, at: PartitionMemory, topic: str, offset: int, key: bytes) -> bool:
        """Whether this or an earlier record of the key is parked, asked for anew where any were.

        A later one may be as well: it was parked in a transaction that was aborted then.
        """
        parked = self._parked(at, topic)
        if key not in parked:
            return False
        first = self._letters.first_parked(Stage.TRANSLATE, topic, key)
        if first is None:
            parked.discard(key)
        return first is not None and first <= offset

    def _parked(self, at: PartitionMemory, topic: str) -> set[bytes]:
        if at.parked is None:
            at.parked = self._letters.parked_keys(Stage.TRANSLATE, topic)
        return at.parked

    def _park(self, at: PartitionMemory, message: Message, reason: str) -> None:
        """Park before the transaction passes the record: at worst it is parked twice, as one."""
        topic, partition = cast(str, message.topic()), cast(int, message.partition())
        offset, key, headers = cast(int, message.offset()), message.key(), message.headers()
        self._letters.park(
            RejectedRecord(
                Stage.TRANSLATE,
                topic,
                partition,
                offset,
                key,
                message.value(),
                _headers(headers),
                reason,
            )
        )
        if key is not None:
            self._parked(at, topic).add(key)
        log.warning("parked", topic=topic, partition=partition, offset=offset, reason=reason)

    def _produce(self, event: Outgoing, headers: RecordHeaders | None) -> None:
        while True:
            try:
                if headers is None:
                    self._producer.produce(event.topic, event.value, event.key)
                else:
                    self._producer.produce(event.topic, event.value, event.key, headers=headers)
                return
            except BufferError:
                self._producer.poll(0.1)

    def _commit(self) -> None:
        """Commit; a request without an answer is repeated, since its outcome isn't known."""
        deadline = time.monotonic() + _COMMIT_SECONDS
        while True:
            try:
                self._producer.commit_transaction(_COMMIT_SECONDS)
                return
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline:
                    raise

    def _abort(self, messages: Sequence[Message], error: KafkaException | None) -> None:
        """Undo the batch. Raises KafkaFailed where this producer is of no use any more."""
        if self._traces is not None:
            self._traces.aborted()
        if error is not None and error.args[0].fatal():
            raise failed(
                "translation was taken over by another process of the same instance name, or its "
                "transaction is lost",
                error,
            ) from error
        try:
            self._producer.abort_transaction(_COMMIT_SECONDS)
        except KafkaException as problem:
            raise failed("a transaction can't be aborted", problem) from problem
        self._member.rewind(messages)

    def _note(self, done: Progress) -> None:
        total = self._progress
        total.records += done.records
        total.events += done.events
        total.repeats += done.repeats
        total.parked += done.parked
        total.transactions += 1
        total.seconds += done.seconds
        total.commit_seconds += done.commit_seconds


class _Aborted(Exception):
    """A transaction was aborted and its batch will be read again."""


def _headers(headers: object) -> Headers:
    if not isinstance(headers, list):
        return ()
    return [(name, value.encode() if isinstance(value, str) else value) for name, value in headers]

"""Parked captured records, tried again: each key's in order, each record's events once.

What a transaction wrote stands, with it, in the metadata of a group's offset: the offsets of the
letters that it resolved. So a process that dies between the commit and the deletion of its letters
finds on the next try which of them need no more than to be deleted.
"""

from collections.abc import Collection, Iterable, Mapping

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from adapters.capture.interpreter import Interpreter, Outgoing
from adapters.capture.records import Skip
from adapters.event_log.avro.encoder import EventEncoder
from adapters.event_log.connection import REQUEST_SECONDS, client_configuration, failed
from adapters.event_log.producer import transactional_producer
from domain.events import EVENT_TYPES
from domain.failures import Unusable
from projections.engine.dead_letter import Retried
from projections.ports.dead_letters import DeadLetter, DeadLetters, Stage

_AT_ONCE = 200
"""Letters a transaction: their offsets fit into the metadata of one offset."""


def retranslate(
    kafka: Mapping[str, str],
    encoder: EventEncoder,
    letters: DeadLetters,
    numbers: Collection[int] | None = None,
    *,
    group: str,
) -> Retried:
    """Try the whole queues again to which `numbers` belong; all queues by default.

    A key's first letter that fails again keeps its others waiting. Records that arrive behind a
    queue meanwhile are dealt with too; one that arrives in the very last moment waits for the next
    try. `group` is that of translation; ours is named after it.
    Raises KafkaFailed, also when somebody else tries at the same time.
    """
    encoder.prepare(EVENT_TYPES)
    attempt = _Attempt(kafka, f"{group}-retry", Interpreter(encoder), letters)
    try:
        for topic, key in _queues(letters, numbers):
            attempt.queue(topic, key, numbers)
    except KafkaException as error:
        raise failed("translating parked records", error) from error
    finally:
        attempt.close()
    return Retried(tuple(attempt.done), attempt.failed)


def _queues(
    letters: DeadLetters, numbers: Collection[int] | None
) -> Iterable[tuple[str, bytes | None]]:
    """(topic, key) in the order in which they are met."""
    return dict.fromkeys(
        (one.topic, one.key)
        for one in letters.list(Stage.TRANSLATE)
        if numbers is None or one.number in numbers
    )


class _Attempt:
    def __init__(
        self, kafka: Mapping[str, str], group: str, interpreter: Interpreter, letters: DeadLetters
    ) -> None:
        self.done: list[int] = []
        self.failed: dict[int, str] = {}
        self._letters = letters
        self._interpreter = interpreter
        self._producer: Producer = transactional_producer(kafka, group)
        self._group = Consumer(
            client_configuration(
                kafka, "retranslate", group_id=group, isolation_level="read_committed"
            )
        )
        self._producer.init_transactions(REQUEST_SECONDS)

    def close(self) -> None:
        self._group.close()

    def queue(self, topic: str, key: bytes | None, numbers: Collection[int] | None) -> None:
        """All letters of a key; of those without a key, which wait for none, the ones asked for."""
        while waiting := self._waiting(topic, key, numbers):
            partition = waiting[0].partition
            batch = [one for one in waiting if one.partition == partition][:_AT_ONCE]
            if not self._try(topic, partition, batch) and key is not None:
                return

    def _waiting(
        self, topic: str, key: bytes | None, numbers: Collection[int] | None
    ) -> list[DeadLetter]:
        return [
            one
            for one in self._letters.list(Stage.TRANSLATE, topic, key)
            if one.key == key
            and one.number not in self.failed
            and (key is not None or numbers is None or one.number in numbers)
        ]

    def _try(self, topic: str, partition: int, batch: list[DeadLetter]) -> bool:
        """Write the events of letters up to the first that fails; whether none did."""
        written_before = self._written(topic, partition)
        good: list[DeadLetter] = []
        events: list[Outgoing] = []
        failure: tuple[int, str] | None = None
        for letter in batch:
            if letter.offset not in written_before:
                try:
                    events += self._events(letter)
                except Unusable as problem:
                    failure = (letter.number, str(problem))
                    break
            good.append(letter)
        new = {letter.offset for letter in good} - written_before
        if new:
            pending = {one.offset for one in self._letters.list(Stage.TRANSLATE, topic)}
            self._write(topic, partition, events, new | written_before & pending)
        self._letters.discard([letter.number for letter in good])
        self.done += [letter.number for letter in good]
        if failure is not None:
            self.failed[failure[0]] = failure[1]
            self._letters.note_failure(*failure)
        return failure is None

    def _events(self, letter: DeadLetter) -> list[Outgoing]:
        change = self._interpreter.change(
            letter.topic, letter.partition, letter.offset, letter.key, letter.value
        )
        return [] if isinstance(change, Skip) else self._interpreter.events(change)

    def _written(self, topic: str, partition: int) -> set[int]:
        """Offsets of letters whose events stand in the topics, as far as somebody may ask."""
        (known,) = self._group.committed(
            [TopicPartition(topic, partition)], timeout=REQUEST_SECONDS
        )
        return {int(offset) for offset in (known.metadata or "").split()}

    def _write(self, topic: str, partition: int, events: list[Outgoing], written: set[int]) -> None:
        self._producer.begin_transaction()
        try:
            for event in events:
                self._producer.produce(event.topic, event.value, event.key)
            mark = TopicPartition(
                topic, partition, max(written) + 1, " ".join(map(str, sorted(written)))
            )
            self._producer.send_offsets_to_transaction(
                [mark], self._group.consumer_group_metadata(), REQUEST_SECONDS
            )
            self._producer.commit_transaction(REQUEST_SECONDS)
        except KafkaException as error:
            if not error.args[0].fatal():
                self._producer.abort_transaction(REQUEST_SECONDS)
            raise

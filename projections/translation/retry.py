"""Parked changes, tried again: each key's in order, each record's events once.

What a transaction wrote stands, with it, in the note beside a group's position: the offsets of the
dead letters that it resolved. So a process that dies between the commit and the deletion of its
dead letters finds on the next try which of them need no more than to be deleted.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from domain.failures import Unavailable, Unusable, reason_of
from projections.ports.change_log import GroupPositions, Position
from projections.ports.change_reader import Skip
from projections.ports.dead_letters import DeadLetter, DeadLetters, NoDeadLetter, Retried, Stage
from projections.ports.event_log import TopicPartition
from projections.ports.event_writer import EventTooLarge, EventWriter, OutgoingEvent
from projections.translation.interpreter import Interpreter
from projections.translation.policy import STRICT, AbsentColumn, Policy, absence

AT_ONCE = 200
"""Dead letters per transaction: their offsets fit into the note of one position."""


@dataclass(frozen=True)
class RetryContext:
    """Where dead letters and contracts come from, and where events go."""

    interpreter: Interpreter
    dead_letters: DeadLetters
    writer: EventWriter
    positions: GroupPositions
    """Of a group of retrying alone, whose notes say what is resolved."""
    policy: Policy = STRICT


def retry(context: RetryContext, numbers: Collection[int] | None = None) -> Retried:
    """Try the whole queues again to which `numbers` belong; all queues by default.

    A key's first dead letter that fails again keeps its others waiting. Records that arrive behind
    a queue meanwhile are dealt with too; one that arrives in the very last moment waits for the
    next try. Time and bytes read grow with the number of dead letters tried, not faster.
    Raises Unavailable, Superseded where somebody else retries at the same time, Misconfigured.
    """
    attempt = _Attempt(context)
    chosen = None if numbers is None else frozenset(numbers)
    keyless: list[int] = []
    queues: dict[tuple[str, bytes], None] = {}
    for one in context.dead_letters.places(Stage.TRANSLATE):
        attempt.pending.setdefault((one.topic, one.partition), set()).add(one.offset)
        if chosen is None or one.number in chosen:
            if one.key is None:  # it waits for none
                keyless.append(one.number)
            else:
                queues[one.topic, one.key] = None
    for topic, key in queues:
        attempt.queue(topic, key)
    for number in keyless:
        attempt.single(number)
    return Retried(tuple(attempt.done), attempt.failed)


class _Attempt:
    def __init__(self, context: RetryContext) -> None:
        self.done: list[int] = []
        self.failed: dict[int, str] = {}
        self.pending: dict[TopicPartition, set[int]] = {}
        """Offsets of what is parked."""
        self._context = context
        self._resolved: dict[TopicPartition, set[int]] = {}
        """Offsets whose events stand in the topics, as far as somebody may ask."""
        self._too_large: dict[OutgoingEvent, str] = {}

    def queue(self, topic: str, key: bytes) -> None:
        """All dead letters of a key, in order, up to the first that fails."""
        dead_letters = self._context.dead_letters
        while batch := dead_letters.list(Stage.TRANSLATE, topic, key, AT_ONCE):
            partition = batch[0].partition
            if not self._resolve([one for one in batch if one.partition == partition]):
                return

    def single(self, number: int) -> None:
        """A dead letter without a key."""
        with suppress(NoDeadLetter):  # dealt with by another process meanwhile
            self._resolve([self._context.dead_letters.show(number)])

    def _resolve(self, batch: Sequence[DeadLetter]) -> bool:
        """Resolve dead letters of a partition up to the first that fails; whether none did."""
        at = (batch[0].topic, batch[0].partition)
        while True:
            good, events, failure = self._judge(at, batch)
            try:
                self._write(at, {one.offset for one in good}, events)
                break
            except EventTooLarge:  # its dead letter fails the next time
                continue
        self._context.dead_letters.discard([one.number for one in good])
        self.pending.get(at, set()).difference_update(one.offset for one in good)
        self.done += [one.number for one in good]
        if failure is not None:
            number, reason = failure
            self.failed[number] = reason
            self._context.dead_letters.note_failure(number, reason)
        return failure is None

    def _judge(
        self, at: TopicPartition, batch: Sequence[DeadLetter]
    ) -> tuple[list[DeadLetter], list[OutgoingEvent], tuple[int, str] | None]:
        """What can be resolved, its events, and (number, reason) of the first that can't."""
        good: list[DeadLetter] = []
        events: list[OutgoingEvent] = []
        resolved = self._resolved_of(at)
        for dead_letter in batch:
            if dead_letter.offset not in resolved:
                try:
                    events += self._events(dead_letter)
                except Unusable as problem:
                    return good, events, (dead_letter.number, reason_of(problem))
            good.append(dead_letter)
        return good, events, None

    def _events(self, dead_letter: DeadLetter) -> list[OutgoingEvent]:
        interpreter = self._context.interpreter
        change = interpreter.change(
            dead_letter.topic,
            dead_letter.partition,
            dead_letter.offset,
            dead_letter.key,
            dead_letter.value,
        )
        if isinstance(change, Skip):
            return []
        if change.absent and self._context.policy.absent_column is not AbsentColumn.NULL:
            # What earlier changes carried isn't known here.
            raise Unusable(
                f"{absence(change.table, sorted(change.absent))}. Take the row in again"
                " (catalog recapture TABLE ID) and discard this; or, if the column wasn't there yet"
                " or was dropped on purpose, retry with CATALOG_TRANSLATE__ABSENT_COLUMN=null"
            )
        events = interpreter.events(change)
        for event in events:
            if (reason := self._too_large.get(event)) is not None:
                raise Unusable(reason)
        return events

    def _resolved_of(self, at: TopicPartition) -> set[int]:
        if at not in self._resolved:
            committed = self._context.positions.read(at)
            notes = () if committed is None else committed.note.split()
            self._resolved[at] = set(map(int, notes))
        return self._resolved[at]

    def _write(self, at: TopicPartition, offsets: set[int], events: list[OutgoingEvent]) -> None:
        """Commit events together with the note of what they resolve. Raises EventTooLarge."""
        resolved = self._resolved_of(at)
        if offsets <= resolved:
            return
        noted = offsets | resolved & self.pending.get(at, set())
        writer = self._context.writer
        writer.begin()
        try:
            for event in events:
                try:
                    writer.write(event)
                except EventTooLarge as error:
                    self._too_large[event] = reason_of(error)
                    raise
            note = " ".join(map(str, sorted(noted)))
            writer.commit(
                {at: Position(max(noted) + 1, note)}, self._context.positions.membership()
            )
        except (Unavailable, Unusable):
            writer.abort()
            raise
        self._resolved[at] = noted

"""One membership of the group with one writer: batches in, transactions out.

All events of one batch, the positions behind it and the memory of what was seen are one
transaction. A record that can't be used is parked first; so is everything of its key behind it.
"""

import logging
from collections.abc import Mapping, Sequence
from threading import Event
from time import monotonic
from typing import NoReturn

from domain.failures import Unavailable, Unusable, reason_of
from projections.ports.change_log import ChangeBatch, Position, Superseded
from projections.ports.change_reader import NoPosition, Skip, Undecodable
from projections.ports.dead_letters import RejectedRecord, Stage
from projections.ports.event_log import TopicPartition
from projections.ports.event_writer import EventTooLarge, OutgoingEvent
from projections.ports.stopped_topics import Stop
from projections.translation.admission import Admission, TopicStopped
from projections.translation.change_topics import ChangeTopics
from projections.translation.context import TranslationContext
from projections.translation.counters import TranslationCounters
from projections.translation.earlier import EarlierChanges
from projections.translation.partition import PartitionState, assigned, moved
from projections.translation.pause import Pause

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
MOST_UNDECODABLE = 100
"""Records of a topic that are parked before the topic is stopped, if none could be decoded."""
_NOTHING_DECODED = (
    "none of its %d records could be decoded (the last: %s). Its connector must write JSON: set"
    " key.converter and value.converter to org.apache.kafka.connect.json.JsonConverter, then start"
    " translation again; see docs/explanation/translation.md"
)
_NO_POSITIONS = "%d of its changes had to be parked: %s"
_WAITS = "waits behind an earlier record of its key"


class TransactionAborted(Exception):
    """A transaction was undone; its batch will be read again."""


class Session:
    """Used from one thread, until anything but TransactionAborted is raised; then close it."""

    def __init__(self, context: TranslationContext) -> None:
        """Open the writer, which fences a former one of this instance, and join the group.

        Raises Unavailable, Misconfigured.
        """
        self._interpreter = context.interpreter
        self._dead_letters = context.dead_letters
        self._stopped_topics = context.stopped_topics
        self._observer = context.observer
        self._counters = context.counters
        self._policy = context.policy
        self._earlier = EarlierChanges(context.interpreter, context.changes)
        self._topics = ChangeTopics(context.changes, self._earlier)
        self._partitions: dict[TopicPartition, PartitionState] = {}
        self._decoded: set[str] = set()
        """Topics of which a record could be decoded."""
        self._undecodable: dict[str, int] = {}
        """Topic → records parked before any could be decoded."""
        self._rejected: dict[OutgoingEvent, str] = {}
        """Events that can't be written, with why, until their records are parked."""
        context.interpreter.prepare()
        self._writer = context.open_writer()
        try:
            self._newest = {} if context.positions is None else context.positions.forgotten()
            if self._newest:
                log.warning(
                    "the group has no positions of %d partitions that were translated before:"
                    " going on behind their newest events",
                    len(self._newest),
                )
            self._log = context.join(self._on_assign, self._on_lost)
        except BaseException:
            self._writer.close()
            raise

    def run(self, stop: Event, pause: Pause) -> None:
        """Translate until `stop` is set. Raises Superseded, Unavailable, Refused, Misconfigured."""
        while not stop.is_set():
            try:
                if self.step(POLL_SECONDS):
                    pause.reset()
            except TransactionAborted as aborted:
                # Nothing is lost: the batch is read again. Whatever holds it up may last.
                seconds = pause.next()
                log.warning("transaction aborted, again in %.2f s: %s", seconds, aborted)
                stop.wait(seconds)

    def step(self, timeout: float) -> bool:
        """Translate what there is; whether there was anything.

        Raises what `run` does, and TransactionAborted.
        """
        batches = self._log.poll(timeout)
        self._topics.look_again()
        if batches:
            self._transact(batches)
        return bool(batches)

    def close(self) -> None:
        """Leave. The membership lasts until its session ends, for a restart to take up."""
        self._log.close()
        self._writer.close()

    def _transact(self, batches: Sequence[ChangeBatch]) -> None:
        """All batches, whole or not at all."""
        done, began = TranslationCounters(), monotonic()
        try:
            self._writer.begin()
            for batch in batches:
                self._translate(batch, done)
            positions = moved(self._partitions.items())
            committing = monotonic()
            self._writer.commit(positions, self._log.membership())
        except Superseded:
            self._tell_aborted()
            raise
        except (Unavailable, TransactionAborted) as error:
            self._undo(batches, error)
        if not done.duplicates:
            self._earlier.forget()
        for at, position in positions.items():
            self._partitions[at].note_committed(position)
        if self._observer is not None:
            self._observer.committed()
        done.commit_seconds = monotonic() - committing
        done.seconds = monotonic() - began
        self._counters.add(done)

    def _undo(self, batches: Sequence[ChangeBatch], error: Exception) -> NoReturn:
        """Go back to before these batches. Raises TransactionAborted, or why that can't be.

        Records that nobody looked at yet are read again too: reading has passed them as well.
        """
        self._tell_aborted()
        self._writer.abort()
        back: dict[TopicPartition, int | None] = {}
        for batch in batches:
            state = self._partitions[batch.topic, batch.partition]
            state.go_back()
            back[batch.topic, batch.partition] = state.start
        self._log.rewind(back)
        raise TransactionAborted(reason_of(error)) from error

    def _tell_aborted(self) -> None:
        self._counters.aborted += 1
        if self._observer is not None:
            self._observer.aborted()

    def _translate(self, batch: ChangeBatch, done: TranslationCounters) -> None:
        """Write the events of a batch; park what can't be used."""
        topic, partition, keys, values = batch.topic, batch.partition, batch.keys, batch.values
        if topic in self._counters.stopped_topics:
            self._log.pause([(topic, partition)])
            return
        state = self._partitions[topic, partition]
        change_of, admits = (
            self._interpreter.change,
            Admission(state, self._policy, self._earlier).admits,
        )
        note_decoded = self._decoded.add
        for index, offset in enumerate(batch.offsets):
            if offset < state.next_offset:  # fetched twice around a rebalance
                continue
            state.next_offset = offset + 1
            done.records += 1
            key = keys[index]
            try:
                change = change_of(topic, partition, offset, key, values[index])
                if isinstance(change, Skip):
                    continue
                note_decoded(topic)
                if not admits(change):
                    done.duplicates += 1
                    continue
                if offset in state.parked_offsets:
                    continue
                if key is not None and self._waits(state, topic, offset, key):
                    raise Unusable(_WAITS)
                events = self._interpreter.events(change)
                if events:
                    headers = None
                    if self._observer is not None:
                        headers = self._observer.begin(batch, index, change, len(events))
                    self._write(events, headers)
                    done.events += len(events)
            except TopicStopped as stopped:
                state.next_offset = offset
                self._stop(Stop(topic, partition, offset, str(stopped)))
                return
            except Unusable as problem:
                self._park(state, batch, index, problem)
                done.parked += 1
                if isinstance(problem, Undecodable) and self._is_one_too_many(
                    state, topic, problem
                ):
                    why = self._why_stopped(topic, problem)
                    self._stop(Stop(topic, partition, offset + 1, why))
                    return

    def _stop(self, stop: Stop) -> None:
        """Read a topic no more; others go on. Raises Unavailable before anything is stopped."""
        self._stopped_topics.note(stop)
        self._counters.stopped_topics.add(stop.topic)
        self._log.pause([(stop.topic, stop.partition)])
        log.error(
            "%s is stopped before %d/%d, other topics go on: %s",
            stop.topic,
            stop.partition,
            stop.offset,
            stop.reason,
        )

    def _write(
        self, events: Sequence[OutgoingEvent], headers: Sequence[tuple[str, bytes | None]] | None
    ) -> None:
        """All events of a record, or none. Raises Unusable."""
        if self._rejected:
            for event in events:
                if (reason := self._rejected.pop(event, None)) is not None:
                    raise Unusable(reason)
        for number, event in enumerate(events):
            try:
                self._writer.write(event, headers)
            except EventTooLarge as error:
                if number == 0:
                    raise
                # Others of the record are in the transaction already: undo it, then park.
                self._rejected[event] = reason_of(error)
                raise TransactionAborted(str(error)) from error

    def _waits(self, state: PartitionState, topic: str, offset: int, key: bytes) -> bool:
        """Whether this or an earlier record of the key is parked, asked for anew where any were.

        A later one may be as well: it was parked in a transaction that was aborted then.
        """
        parked = self._parked_keys(state, topic)
        if key not in parked:
            return False
        first = self._dead_letters.first_parked(Stage.TRANSLATE, topic, key)
        if first is None:
            parked.discard(key)
        return first is not None and first <= offset

    def _parked_keys(self, state: PartitionState, topic: str) -> set[bytes]:
        if state.parked_keys is None:
            state.parked_keys = self._dead_letters.parked_keys(Stage.TRANSLATE, topic)
        return state.parked_keys

    def _park(
        self, state: PartitionState, batch: ChangeBatch, index: int, problem: Unusable
    ) -> None:
        """Park before the transaction passes the record: at worst it is parked twice, as one."""
        offset, key = batch.offsets[index], batch.keys[index]
        if offset in state.parked_offsets:
            return
        reason = reason_of(problem)
        self._dead_letters.park(
            RejectedRecord(
                Stage.TRANSLATE,
                batch.topic,
                batch.partition,
                offset,
                key,
                batch.values[index],
                batch.details(index).headers,
                reason,
            )
        )
        state.parked_offsets.add(offset)
        if key is not None:
            self._parked_keys(state, batch.topic).add(key)
        log.warning("parked %s/%d/%d: %s", batch.topic, batch.partition, offset, reason)

    def _is_one_too_many(self, state: PartitionState, topic: str, problem: Undecodable) -> bool:
        """Whether this was one too many of a topic of which nothing can be decoded, or whose
        connector gives no positions (reads of a snapshot need none, so some may be decoded)."""
        if isinstance(problem, NoPosition):
            is_good = state.duplicates.has_position
        else:
            is_good = topic in self._decoded or self._was_decoded(topic)
        if is_good:
            return False
        self._undecodable[topic] = count = self._undecodable.get(topic, 0) + 1
        return count >= MOST_UNDECODABLE

    def _was_decoded(self, topic: str) -> bool:
        """Whether anything of it was, by whoever had one of our partitions before."""
        return any(
            state.duplicates.has_position
            for (name, _), state in self._partitions.items()
            if name == topic
        )

    def _why_stopped(self, topic: str, problem: Undecodable) -> str:
        why = _NO_POSITIONS if isinstance(problem, NoPosition) else _NOTHING_DECODED
        return why % (self._undecodable[topic], problem)

    def _on_assign(
        self, positions: Mapping[TopicPartition, Position | None]
    ) -> Mapping[TopicPartition, int | None]:
        self._topics.assigned({topic for topic, _ in positions})
        for at, committed in positions.items():
            newest = self._newest.get(at)
            state = assigned(f"{at[0]}/{at[1]}", committed, newest)
            if committed is None and newest is not None:
                self._topics.require_newest(at, newest)
            state.topic_id = self._topics.id_of(at[0], state.topic_id)
            self._partitions[at] = state
        log.info("%d partitions assigned", len(positions))
        return {at: self._partitions[at].start for at in positions}

    def _on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        for at in partitions:
            self._partitions.pop(at, None)
        log.info("%d partitions revoked", len(partitions))

"""Brokers in memory, as far as the translating engine meets them: change topics, a group, events.

They promise what the ports promise, errors included. What goes wrong, and in which order records
arrive, a test says.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from domain.failures import Unavailable
from projections.ports.change_log import (
    ChangeBatch,
    OnAssign,
    OnLost,
    Position,
    RecordDetails,
    Superseded,
)
from projections.ports.dead_letters import Headers
from projections.ports.event_log import Bounds, RecordBatch, Subscription, TopicPartition
from projections.ports.event_writer import EventTooLarge, OutgoingEvent
from projections.ports.translated_positions import NewestEvent

LARGEST = 1_000_000
"""Bytes of an event."""


class Killed(Exception):
    """The process is gone."""


@dataclass
class MemoryBrokers:
    """Change topics, and what is committed: positions of groups, events of transactions."""

    records: dict[TopicPartition, list[tuple[bytes | None, bytes | None]]]
    """(key, value) of the change topics."""
    committed: dict[str, dict[TopicPartition, Position]] = field(default_factory=dict)
    """Group → positions."""
    written: list[OutgoingEvent] = field(default_factory=list)
    arrival: list[TopicPartition] | None = None
    """Partitions whose records the next poll brings, one each; None for all there is."""
    fault: str | None = None
    """What fails once: begin, write, commit, abort, or superseded in the commit; or the process is
    killed before or after it."""
    writers: dict[str, "MemoryEventWriter"] = field(default_factory=dict)
    members: dict[tuple[str, str], "MemoryChangeLog"] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    """Topic → how often it was made anew."""
    refuses: set[bytes] = field(default_factory=set)
    """Keys of events that are too large, whatever their size."""

    def append(self, at: TopicPartition, key: bytes | None, value: bytes | None) -> None:
        """Capture writes a record."""
        self.records.setdefault(at, []).append((key, value))

    def fail(self, step: str) -> None:
        """Fail here if a test wants so."""
        if self.fault != step:
            return
        self.fault = None
        if step.startswith("killed"):
            raise Killed
        if step in ("superseded", "abort"):
            raise Superseded(f"{step} as a test wants it")
        raise Unavailable(f"{step} refused")

    def position(self, group: str, at: TopicPartition) -> Position | None:
        """A committed position."""
        return self.committed.get(group, {}).get(at)


class MemoryChangeLog:
    """Implements `ChangeLog`. It has the partitions that a test gives it."""

    def __init__(
        self,
        brokers: MemoryBrokers,
        group: str,
        instance: str,
        on_assign: OnAssign,
        on_lost: OnLost,
        given: Sequence[TopicPartition] = (),
    ) -> None:
        """`given` are assigned at the first poll."""
        self._brokers, self._group, self._instance = brokers, group, instance
        self._on_assign, self._on_lost = on_assign, on_lost
        self._given = list(given)
        self.positions: dict[TopicPartition, int] = {}
        self.paused: set[TopicPartition] = set()
        self.is_closed = False
        brokers.members[group, instance] = self

    def give(self, partitions: Sequence[TopicPartition]) -> None:
        """The group assigns partitions."""
        starts = self._on_assign({at: self._brokers.position(self._group, at) for at in partitions})
        self.positions |= {at: start or 0 for at, start in starts.items()}

    def take(self, partition: TopicPartition) -> None:
        """The group revokes a partition."""
        self._on_lost([partition])
        del self.positions[partition]
        self.paused.discard(partition)

    def poll(self, timeout: float) -> list[ChangeBatch]:
        """See the port."""
        if self._brokers.members[self._group, self._instance] is not self:
            raise Superseded(f"the membership {self._instance} was taken over")
        if self._given:
            given, self._given = self._given, []
            self.give(given)
        found: dict[TopicPartition, list[int]] = {}
        arrival, self._brokers.arrival = self._brokers.arrival, None
        if arrival is None:
            arrival = [at for at in self.positions for _ in self._brokers.records.get(at, ())]
        for at in arrival:
            if at not in self.positions or at in self.paused:
                continue
            position = self.positions[at]
            if position < len(self._brokers.records.get(at, ())):
                self.positions[at] = position + 1
                found.setdefault(at, []).append(position)
        return [self._batch(at, offsets) for at, offsets in found.items()]

    def rewind(self, positions: Mapping[TopicPartition, int | None]) -> None:
        """See the port."""
        for at, offset in positions.items():
            if at in self.positions:
                self.positions[at] = offset or 0

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """See the port."""
        self.paused.update(partitions)

    def membership(self) -> str:
        """See the port."""
        return self._group

    def close(self) -> None:
        """See the port."""
        self.is_closed = True

    def _batch(self, at: TopicPartition, offsets: list[int]) -> ChangeBatch:
        records = [self._brokers.records[at][offset] for offset in offsets]
        return ChangeBatch(
            *at,
            offsets,
            [key for key, _ in records],
            [value for _, value in records],
            lambda _: RecordDetails([("h", b"1")], None),
        )


class MemoryChanges:
    """Implements `EventLog` for the change topics, as far as they are read back."""

    def __init__(self, brokers: MemoryBrokers) -> None:
        self._brokers = brokers
        self.reads = 0

    def bounds(self, topics: Sequence[str]) -> dict[TopicPartition, Bounds]:
        """See the port."""
        records = self._brokers.records
        return {at: Bounds(0, len(its)) for at, its in records.items() if at[0] in topics}

    def topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        """See the port."""
        return {topic: f"{topic}#{self._brokers.made.get(topic, 0)}" for topic in topics}

    def violations(self, topics: Sequence[str]) -> list[str]:
        """See the port."""
        return []

    def replay(
        self, positions: Mapping[TopicPartition, int], until: Mapping[TopicPartition, int]
    ) -> Iterator[list[RecordBatch]]:
        """See the port; runs past the end, as it may."""
        self.reads += 1
        for at in until:
            offsets = range(positions.get(at, 0), len(self._brokers.records[at]))
            records = [self._brokers.records[at][offset] for offset in offsets]
            keys, values = [key for key, _ in records], [value for _, value in records]
            yield [RecordBatch(*at, offsets, keys, values, offsets.stop)]

    def subscribe(self, *_: object) -> Subscription:
        """See the port."""
        raise NotImplementedError


class MemoryEventWriter:
    """Implements `EventWriter`."""

    def __init__(self, brokers: MemoryBrokers, name: str) -> None:
        """Fence a former writer of this name."""
        self._brokers, self._name = brokers, name
        self._events: list[OutgoingEvent] = []
        self.headers: list[Headers | None] = []
        self.is_closed = False
        self._is_open = False
        brokers.writers[name] = self

    def begin(self) -> None:
        """See the port."""
        self._brokers.fail("begin")
        self._check()
        assert not self._is_open, "the last transaction was neither committed nor aborted"
        self._events, self._is_open = [], True

    def write(self, event: OutgoingEvent, headers: Headers | None = None) -> None:
        """See the port."""
        self._brokers.fail("write")
        self._check()
        if len(event.value) > LARGEST or event.key in self._brokers.refuses:
            raise EventTooLarge(f"an event of {len(event.value)} bytes")
        self._events.append(event)
        self.headers.append(headers)

    def commit(self, positions: Mapping[TopicPartition, Position], membership: object) -> None:
        """See the port."""
        self._brokers.fail("commit")
        self._brokers.fail("superseded")
        self._brokers.fail("killed before")
        self._check()
        self._brokers.written += self._events
        self._brokers.committed.setdefault(str(membership), {}).update(positions)
        self._events, self._is_open = [], False
        self._brokers.fail("killed after")

    def abort(self) -> None:
        """See the port."""
        self._brokers.fail("abort")
        self._check()
        self._events, self._is_open = [], False

    def close(self) -> None:
        """See the port."""
        self.is_closed = True

    def _check(self) -> None:
        if self._brokers.writers[self._name] is not self:
            raise Superseded(f"the writer {self._name} was taken over")


class MemoryGroupPositions:
    """Implements `GroupPositions`."""

    def __init__(self, brokers: MemoryBrokers, group: str) -> None:
        self._brokers, self._group = brokers, group

    def read(self, partition: TopicPartition) -> Position | None:
        """See the port."""
        return self._brokers.position(self._group, partition)

    def membership(self) -> str:
        """See the port."""
        return self._group

    def close(self) -> None:
        """See the port."""


class MemoryTranslatedPositions:
    """Implements `TranslatedPositions` for events whose values are `topic/partition/offset/n`, a
    space, and the source's position."""

    def __init__(self, brokers: MemoryBrokers, group: str) -> None:
        self._brokers, self._group = brokers, group

    def forgotten(self) -> Mapping[TopicPartition, NewestEvent]:
        """See the port."""
        found: dict[TopicPartition, NewestEvent] = {}
        for event in self._brokers.written:
            place, _, position = event.value.decode().partition(" ")
            topic, partition, offset, _ = place.rsplit("/", 3)
            at = (topic, int(partition))
            if self._brokers.position(self._group, at) is None:
                seen = frozenset({(position, event.key.decode())})
                found[at] = NewestEvent(int(offset), position, None, seen)
        return found

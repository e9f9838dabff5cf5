"""An event log in memory, whose group does what a test says, and events as JSON.

It implements `projections.ports.event_log.EventLog` and `EventDecoder` for tests of the engine.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from adapters.event_log.avro.columns import frame_schema
from domain.events import EVENT_TYPES
from domain.failures import Unavailable
from domain.schemas import contract_of
from projections.ports.event_decoder import BadRecord, Decoded
from projections.ports.event_log import Bounds, RecordBatch, TopicPartition

Record = tuple[int, bytes | None, bytes | None]
ODD = b"odd"

SCHEMAS = {event.__name__: frame_schema(contract_of(event).newest.schema) for event in EVENT_TYPES}
ORIGIN = {"table": "t", "position": "0", "transaction": None, "committed_at": None, "message": None}


def event(
    name: str, id: str, number: int = 0, /, at: datetime | None = None, **state: object
) -> bytes:
    """A record's value: an event of type `name`, committed `at` an instant."""
    origin = {**ORIGIN, "committed_at": None if at is None else at.isoformat()}
    fields = {"event_id": f"t/0/{number}/0", "id": id, "origin": origin, "changed": []}
    return json.dumps({"event": name, **fields, **state}).encode()


class JsonDecoder:
    """Decodes what `event` makes; everything else is undecodable."""

    failures = 0
    """How many further calls fail, as with a registry that does not answer."""
    knows_odd = False
    """Whether what begins with `ODD` can be decoded: a later release may."""

    def decode(self, batch: Sequence[RecordBatch], fields: frozenset[str] | None = None) -> Decoded:
        """See the port."""
        if self.failures:
            self.failures -= 1
            raise Unavailable("the registry does not answer")
        events: dict[str, list[dict[str, Any]]] = {}
        bad = []
        for one in sorted(batch, key=lambda b: b.partition):
            for offset, key, value in zip(one.offsets, one.keys, one.values, strict=True):
                try:
                    told = value or b""
                    record = json.loads(told.removeprefix(ODD) if self.knows_odd else told)
                    name = record.pop("event")
                except Exception:  # whatever the bytes: it is the record's fault
                    reason = "no event"
                    bad.append(BadRecord(one.topic, one.partition, offset, key, value, reason))
                    continue
                if at := record["origin"]["committed_at"]:
                    record["origin"]["committed_at"] = datetime.fromisoformat(at)
                place = {"_partition": one.partition, "_offset": offset}
                events.setdefault(name, []).append({**record, **place})
        places = {"_partition": pl.Int32(), "_offset": pl.Int64()}
        frames = {
            name: pl.DataFrame(rows, schema={**SCHEMAS.get(name, {"id": pl.String()}), **places})
            for name, rows in events.items()
        }
        return Decoded(frames, bad)


@dataclass
class MemoryLog:
    """Partitions as lists. Odd gaps between offsets stand for transaction markers."""

    partitions: dict[TopicPartition, list[Record]]
    chunk: int = 3
    """Records a poll returns of a partition."""
    ends: dict[TopicPartition, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    made: dict[str, int] = field(default_factory=dict)
    """Topic → how often it was made anew."""
    on_chunk: Callable[[], None] = lambda: None
    """Called before each chunk of a replay; may raise, as a kill would."""
    subscriptions: list["MemorySubscription"] = field(default_factory=list)

    @classmethod
    def of(cls, topics: Sequence[str], partitions: int = 2) -> "MemoryLog":
        """An empty log."""
        return cls({(topic, p): [] for topic in topics for p in range(partitions)})

    def append(
        self, partition: TopicPartition, key: str | None, value: bytes | None, gap: int = 0
    ) -> int:
        """Write one record; returns its offset."""
        offset = self.ends.get(partition, 0)
        raw = None if key is None else key.encode()
        self.partitions[partition].append((offset, raw, value))
        self.ends[partition] = offset + 1 + gap
        return offset

    def bounds(self, topics: Sequence[str]) -> dict[TopicPartition, Bounds]:
        """See the port."""
        return {p: Bounds(0, self.ends.get(p, 0)) for p in self.partitions if p[0] in topics}

    def make_anew(self, topic: str, partitions: int = 2) -> None:
        """Delete a topic and make it again under its name, empty."""
        self.made[topic] = self.made.get(topic, 0) + 1
        for at in [at for at in self.partitions if at[0] == topic]:
            del self.partitions[at]
            self.ends.pop(at, None)
        self.partitions |= {(topic, number): [] for number in range(partitions)}

    def topic_ids(self, topics: Sequence[str]) -> dict[str, str]:
        """See the port."""
        return {topic: f"{topic}#{self.made.get(topic, 0)}" for topic in topics}

    def violations(self, topics: Sequence[str]) -> list[str]:
        """See the port."""
        return self.broken

    def replay(
        self, positions: Mapping[TopicPartition, int], until: Mapping[TopicPartition, int]
    ) -> Iterator[list[RecordBatch]]:
        """See the port."""
        at = {partition: positions.get(partition, 0) for partition in until}
        while any(at[p] < end for p, end in until.items()):
            self.on_chunk()
            batches = [self.batch(p, at[p]) for p in at]
            at.update({(b.topic, b.partition): b.next_offset for b in batches})
            yield batches

    def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        on_assign: Callable[[Sequence[TopicPartition]], Mapping[TopicPartition, int]],
        on_lost: Callable[[Sequence[TopicPartition]], None],
    ) -> "MemorySubscription":
        """See the port. The test assigns partitions through `subscriptions`."""
        member = MemorySubscription(self, on_assign, on_lost)
        self.subscriptions.append(member)
        return member

    def batch(self, partition: TopicPartition, position: int) -> RecordBatch:
        """Up to `chunk` records from `position` on."""
        left = [record for record in self.partitions[partition] if record[0] >= position]
        some = left[: self.chunk]
        end = left[self.chunk][0] if len(left) > self.chunk else self.ends.get(partition, 0)
        offsets, keys, values = zip(*some, strict=True) if some else ((), (), ())
        return RecordBatch(*partition, list(offsets), list(keys), list(values), max(end, position))


class MemorySubscription:
    """One member. It knows only what it has been told: a zombie goes on reading."""

    def __init__(
        self,
        log: MemoryLog,
        on_assign: Callable[[Sequence[TopicPartition]], Mapping[TopicPartition, int]],
        on_lost: Callable[[Sequence[TopicPartition]], None],
    ) -> None:
        self._log = log
        self._on_assign = on_assign
        self._on_lost = on_lost
        self.positions: dict[TopicPartition, int] = {}
        self.noted: dict[TopicPartition, int] = {}

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """The group gives partitions to this member."""
        self.positions.update(self._on_assign(partitions))

    def lose(self, partitions: Sequence[TopicPartition]) -> None:
        """The group takes partitions from this member, and it is told."""
        self._on_lost(partitions)
        for partition in partitions:
            self.positions.pop(partition, None)

    def poll(self, timeout: float) -> list[RecordBatch]:
        """See the port."""
        batches = [self._log.batch(p, position) for p, position in self.positions.items()]
        self.positions.update({(b.topic, b.partition): b.next_offset for b in batches})
        return batches

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """See the port."""
        self.positions.update({p: at for p, at in positions.items() if p in self.positions})

    def note_progress(self, positions: Mapping[TopicPartition, int]) -> None:
        """See the port."""
        self.noted.update(positions)

    def close(self) -> None:
        """See the port."""
        self.positions.clear()

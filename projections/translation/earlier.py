"""Whether a change was captured before: asked of the change topic itself, which keeps everything.

A connector that was killed sends again what it had sent since its last note, all of it and in the
source's order. So the record that a repeat repeats stands before it in its partition, and behind
the last record of a lower position: reading back to there proves one or the other. It is done only
in doubt, once per run of repeats.
"""

from dataclasses import dataclass, field

from domain.changes import Change, Operation
from domain.failures import Unusable
from domain.translation.deduplication import order_of, sameness
from projections.ports.change_reader import Skip
from projections.ports.event_log import EventLog, TopicPartition
from projections.translation.interpreter import Interpreter

FIRST_LOOK = 2_000
"""Records that are read back at first, then twice as many, and so on."""
FURTHEST = 500_000
"""Records that are read back at most. A connector notes its position every minute."""


@dataclass
class _Part:
    """What was found between two offsets of a partition."""

    known: set[int] = field(default_factory=set)
    has_lower: bool = False
    """Whether a record's position is below the one that was asked for."""


class EarlierChanges:
    """Looks for changes in the change topics. Used from one thread."""

    def __init__(self, interpreter: Interpreter, changes: EventLog) -> None:
        """`changes` reads the change topics."""
        self._change_of = interpreter.change
        self._changes = changes
        self._known: dict[TopicPartition, set[int]] = {}

    def holds(self, change: Change) -> bool:
        """Whether an earlier record of its partition says the same. Raises Unavailable."""
        topic, partition, offset = change.coordinates
        at, wanted = (topic, partition), sameness(change)
        if wanted in self._known.get(at, ()):
            return True
        first = self._changes.bounds([topic])[at].first
        found, size, end = set[int](), FIRST_LOOK, offset
        while end > first and offset - end < FURTHEST:
            start = max(first, end - size)
            part = self._read(at, start, end, order_of(change.position))
            found |= part.known
            if wanted in part.known:
                self._known[at] = found
                return True
            if part.has_lower:
                return False
            end, size = start, size * 2
        return False

    def position_at(self, at: TopicPartition, offset: int) -> str | None:
        """The source's position of the change at an offset; None where none stands there. Raises
        Unavailable."""
        bounds = self._changes.bounds([at[0]]).get(at)
        if bounds is None or not bounds.first <= offset < bounds.end:
            return None
        for batches in self._changes.replay({at: offset}, {at: offset + 1}):
            for batch in batches:
                for found, key, value in zip(batch.offsets, batch.keys, batch.values, strict=True):
                    if found == offset:
                        return self._position_of(at, offset, key, value)
        return None

    def _position_of(
        self, at: TopicPartition, offset: int, key: bytes | None, value: bytes | None
    ) -> str | None:
        try:
            change = self._change_of(*at, offset, key, value)
        except Unusable:
            return None
        return None if isinstance(change, Skip) else change.position

    def forget(self) -> None:
        """No run of repeats is under way any more."""
        self._known.clear()

    def _read(self, at: TopicPartition, start: int, end: int, order: str) -> _Part:
        part = _Part()
        for batches in self._changes.replay({at: start}, {at: end}):
            for batch in batches:
                for offset, key, value in zip(batch.offsets, batch.keys, batch.values, strict=True):
                    if offset >= end:
                        break
                    try:
                        change = self._change_of(*at, offset, key, value)
                    except Unusable:
                        continue
                    if isinstance(change, Skip) or change.operation is Operation.READ:
                        continue
                    if change.position:
                        part.known.add(sameness(change))
                        part.has_lower |= order_of(change.position) < order
        return part

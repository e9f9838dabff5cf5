"""What the engine knows of a change partition that is assigned to it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from domain.failures import Misconfigured
from domain.translation.deduplication import Deduplicator
from domain.translation.seen_columns import SeenColumns
from projections.ports.change_log import Position
from projections.ports.translated_positions import NewestEvent

_LONGEST_NOTE = 4_000
_COLUMNS = "columns="
"""Begins what a note tells of columns; what follows the space behind them is the memory of
repeats."""
_TOPIC = "topic="
"""Begins a note that tells the id of the topic, up to a space."""


@dataclass(slots=True)
class PartitionState:
    """Where translation stands in a partition."""

    committed: Position | None
    """As last committed: where an aborted transaction goes back to; None for the beginning."""
    next_offset: int
    """Records below were looked at."""
    duplicates: Deduplicator
    columns: SeenColumns
    topic_id: str | None = None
    """The brokers' id of the topic; None where they give none, or none was noted yet."""
    parked_keys: set[bytes] | None = None
    """Keys of the topic's parked records, none missing of this partition; None before asked.
    Asked for with each assignment, since who had the partition before may have parked some."""
    parked_offsets: set[int] = field(default_factory=set)
    """Parked since the last commit. A record that was parked once isn't parked again when its
    transaction was aborted: it may have been discarded since."""

    @property
    def start(self) -> int | None:
        """Where to read from; None for the beginning."""
        return None if self.committed is None else self.committed.offset

    @property
    def has_moved(self) -> bool:
        """Whether there is anything to commit."""
        return self.next_offset != (self.start or 0)

    def position(self) -> Position:
        """What to commit."""
        known = note_of_topic(self.topic_id) + f"{_COLUMNS}{self.columns.to_text()} "
        memory = self.duplicates.to_text(_LONGEST_NOTE - len(known))
        return Position(self.next_offset, known + memory)

    def note_committed(self, position: Position) -> None:
        """The transaction with this position is committed."""
        self.committed = position
        self.parked_offsets.clear()

    def go_back(self) -> None:
        """The transaction since the last commit was aborted."""
        self.next_offset = self.start or 0
        self.duplicates, self.columns = _memories(self.committed)


def assigned(name: str, committed: Position | None, newest: NewestEvent | None) -> PartitionState:
    """The state of a new partition: as committed, else behind the newest event, else none.

    Raises Misconfigured where what was committed isn't ours.
    """
    if committed is None and newest is not None:
        memory = Deduplicator.resumed(newest.position, newest.committed_at, newest.seen)
        committed = Position(newest.offset + 1, memory.to_text())
    try:
        state = PartitionState(committed, 0, *_memories(committed))
    except ValueError as problem:
        raise Misconfigured(
            f"the group's position of {name} isn't one that translation has written: {problem}."
            " Another application may use the same group"
        ) from None
    state.next_offset = state.start or 0
    if committed is not None:
        state.topic_id, _ = _parted(committed.note)
    return state


def note_of_topic(topic_id: str | None) -> str:
    """How a note begins that remembers the id of the topic."""
    return "" if topic_id is None else f"{_TOPIC}{topic_id} "


def _parted(note: str) -> tuple[str | None, str]:
    """The id of the topic and the rest of a note; one of an older release has no id."""
    if not note.startswith(_TOPIC):
        return None, note
    id_, _, rest = note.removeprefix(_TOPIC).partition(" ")
    return id_, rest


def moved(
    states: Iterable[tuple[tuple[str, int], PartitionState]],
) -> dict[tuple[str, int], Position]:
    """The positions to commit."""
    return {at: state.position() for at, state in states if state.has_moved}


def _memories(committed: Position | None) -> tuple[Deduplicator, SeenColumns]:
    """What the note of a position holds; one of an older release has no columns."""
    _, note = _parted("" if committed is None else committed.note)
    columns = ""
    if note.startswith(_COLUMNS):
        columns, _, note = note.removeprefix(_COLUMNS).partition(" ")
    return Deduplicator.from_text(note), SeenColumns.from_text(columns)

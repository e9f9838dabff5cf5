"""What is known of a row: what it says, which event wrote it, and the events before that."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from adapters.explanation.events import ExplainedEvent
from domain.events import presupposes_its_row, topic_of
from projections.ports.event_log import Bounds

ROW_ONLY = "this server has no event log to read: this is what the row itself knows"
LOG_AWAY = "the event log does not answer: this is what the row itself knows"
LOST = (
    "the first event of this row adds no row: what came before is not in the log (it was compacted"
    " for a while, or capture began without a snapshot)"
)
OTHER_LOG = (
    "the event that wrote this row isn't where the row says: the event topics were made anew, or"
    " their events were moved, since the live catalog was made (`catalog rebuild` makes it from"
    " these); this is what the row itself knows"
)


@dataclass(frozen=True, slots=True)
class WrittenBy:
    """The event that wrote a row."""

    event_id: str
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a row says what it says."""

    kind: str
    id: str
    row: dict[str, Any] | None
    """Its columns; None where the live catalog has none of this id."""
    written_by: WrittenBy | None
    topic: str
    partition: int | None = None
    """Where its events are; None where that was not asked."""
    events: Sequence[ExplainedEvent] = ()
    """Newest first."""
    complete: bool = False
    """Whether these are all events of the row."""
    scanned: Bounds | None = None
    """The offsets that were looked through."""
    note: str | None = None

    @property
    def begins_in_the_middle(self) -> bool:
        """Whether these are all events of the row that there are, and the first one changes a row
        that no event has added: the log has lost some, or never had them."""
        if not self.complete or not self.events:
            return False
        return presupposes_its_row(self.events[-1]["type"])

    def as_json(self) -> bytes:
        """As API and command give it."""
        scanned = self.scanned and {"from": self.scanned.first, "to": self.scanned.end}
        members = {name: getattr(self, name) for name in self.__slots__}
        return msgspec.json.encode(members | {"scanned": scanned})


def of_row(kind: str, id_: str, text: str | None) -> Explanation:
    """What a row knows by itself; `text` is its JSON, by `queries.entities.row`."""
    topic = topic_of(kind)
    if text is None:
        return Explanation(kind, id_, None, None, topic)
    row = msgspec.json.decode(text)
    written_by = WrittenBy(
        row.pop("event_id"), topic, row.pop("event_partition"), row.pop("event_offset")
    )
    return Explanation(kind, id_, row, written_by, topic, written_by.partition)

"""What every event carries, whatever its subject.

An event speaks of one row of the master catalog and carries that row's whole state, so that a
projection needs nothing but the newest event of a key. For a removal the state is what was known
before; only `id` is certain then. Every state field may be absent: that keeps each contract open
to change in both directions (FULL_TRANSITIVE) and lets a removal share its subject's shape.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import ClassVar


class Effect(Enum):
    """What an event does to the row it speaks of."""

    STATE = "state"
    """The row exists and is as the event says."""
    REMOVAL = "removal"
    """The row is gone."""


def presupposes_its_row(name: str) -> bool:
    """Whether an event of this name changes a row that an earlier one has added."""
    return name.endswith(("Updated", "Changed"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where in the master catalog an event comes from."""

    table: str
    """Master table, without its schema: `track`."""
    position: str
    """Position in the master's own log (an LSN). Identity and hint only: order is the topic's."""
    transaction: str | None = None
    """The master's transaction id, the same for all rows of one commit."""
    committed_at: datetime | None = None
    """When the master committed (UTC, microseconds); for snapshot rows, when they were read."""
    message: str | None = None
    """Id of the ERN message or feed that last wrote the row (`ern_message.id`)."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events; never published itself."""

    SUBJECT: ClassVar[str]
    """The subject: topic `catalog.<subject>`, module and read table carry the same name."""
    EFFECT: ClassVar[Effect] = Effect.STATE

    event_id: str
    """Deterministic: `<source topic>/<partition>/<offset>/<index>`, so a replay repeats it."""
    id: str
    """Id of the row the event speaks of; also the record's key."""
    origin: Origin
    changed: list[str]
    """Names of the state fields that differ from before, sorted; all that are set for a new row."""

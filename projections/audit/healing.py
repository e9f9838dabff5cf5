"""Makes right what an audit found, through the log: what it says afterwards, every read model says.

Rows that are missing or stale are taken in again by capture. Ghosts get their removal event, since
capture can't speak of a row that isn't there; its origin says that an audit wrote it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.events import EVENT_TYPES, Effect, Event, Origin, topic_of
from projections.audit.audit import AuditContext, Difference, Kind, TableAudit
from projections.ports.event_log import TopicPartition

AUDIT = "audit"
"""Position of an origin that is no position in the master's log."""


class Healer(Protocol):
    """What changes the log. Every method raises Unavailable when a system is away."""

    def recapture(self, table: str, ids: Sequence[str] | None) -> None:
        """Ask capture for rows of a table, or for all of it; returns before they come."""
        ...

    def write(self, events: Sequence[Event]) -> None:
        """Write events durably onto their topics."""
        ...


@dataclass(frozen=True)
class Healed:
    """What was asked for, and what came of it."""

    removed: int
    """Ghosts that got their removal event."""
    recaptured: int
    """Rows that capture took in again."""
    waiting: Sequence[str]
    """Ids that had not come when the time was over: capture may still be at it."""


def heal(
    context: AuditContext,
    healer: Healer,
    found: TableAudit,
    now: datetime,
    wait: Callable[[float], bool],
    seconds: float = 300.0,
) -> Healed:
    """Make one table right, and wait until the log says so.

    `now` (UTC) goes into the removals; `wait` sleeps and says whether to give up. A table with more
    differences than an audit counts is taken in whole. Raises Unavailable.
    """
    ghosts = [one for one in found.differences if one.kind is Kind.GHOST]
    others = {(one.topic, one.id) for one in found.differences if one.kind is not Kind.GHOST}
    ids = sorted({id for _, id in others})
    if ghosts:
        healer.write([removal(one, now) for one in ghosts])
    if found.uncounted:
        healer.recapture(found.table, None)
    elif ids:
        healer.recapture(found.table, ids)
    missing = sorted({id for _, id in _awaited(context, found.ends, others, wait, seconds)})
    return Healed(len(ghosts), len(ids) - len(missing), missing)


def removal(ghost: Difference, now: datetime) -> Event:
    """The event that says a row is gone. The same for the same instant, so it may be repeated."""
    (event_type,) = (
        event
        for event in EVENT_TYPES
        if event.EFFECT is Effect.REMOVAL and topic_of(event.SUBJECT) == ghost.topic
    )
    return event_type(
        event_id=f"{AUDIT}/{now:%Y%m%dT%H%M%S%f}/{ghost.topic}/{ghost.id}",
        id=ghost.id,
        origin=Origin(table=ghost.table, position=AUDIT, committed_at=now),
        changed=[],
    )


def _awaited(
    context: AuditContext,
    ends: Mapping[TopicPartition, int],
    rows: set[tuple[str, str]],
    wait: Callable[[float], bool],
    seconds: float,
) -> set[tuple[str, str]]:
    """Those of (topic, id) of which the log says nothing new within `seconds`.

    With its topic, since a row that belongs in another topic has its removal there.
    """
    at, left, pause = dict(ends), set(rows), 0.5
    topics = sorted({topic for topic, _ in at})
    while left and seconds > 0 and not wait(pause):
        seconds -= pause
        context.master.await_log()
        until = {partition: one.end for partition, one in context.events.bounds(topics).items()}
        for batches in context.events.replay(at, until):
            left -= {
                (batch.topic, key.decode(errors="replace"))
                for batch in batches
                for key in batch.keys
                if key is not None
            }
        at = until
    return left

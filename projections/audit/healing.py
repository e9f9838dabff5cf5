"""Makes right what an audit found, through the log: what it says afterwards, every read model says.

Rows that are missing or stale are taken in again by capture. Ghosts get their removal event, since
capture can't speak of a row that isn't there; its origin says that an audit wrote it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
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

    @property
    def parked(self) -> Callable[[str], Collection[str]]:
        """Table → ids of its rows of which changes are parked: whatever comes of them waits."""
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
    parked: Sequence[str] = ()
    """Ids that are taken in again and wait behind a parked change of theirs."""


def heal(
    context: AuditContext,
    healer: Healer,
    found: Sequence[TableAudit],
    now: datetime,
    wait: Callable[[float], bool],
    seconds: float = 300.0,
) -> list[Healed]:
    """Make tables right, and wait until the log says so; what was done, in their order.

    `now` (UTC) goes into the removals; `wait` sleeps and says whether to give up. All is asked for
    at once, since capture takes seconds to hear of it. A table with more differences than an audit
    counts is taken in whole. Raises Unavailable.
    """
    asked = [_asked(healer, one, now) for one in found]
    ends = {partition: end for one in found for partition, end in one.ends.items()}

    def parked() -> set[tuple[str, str]]:
        ids = {one.table: healer.parked(one.table) for one, rows in pairs if rows}
        return {row for one, rows in pairs for row in rows if row[1] in ids[one.table]}

    pairs = list(zip(found, asked, strict=True))
    left = _awaited(context, ends, set().union(*asked), parked, (wait, seconds))
    held = parked()
    return [
        _healed(one, rows - left - held, rows & held, rows & left - held) for one, rows in pairs
    ]


def _asked(healer: Healer, found: TableAudit, now: datetime) -> set[tuple[str, str]]:
    """Remove a table's ghosts and ask for its other rows: (topic, id) of those."""
    ghosts = [one for one in found.differences if one.kind is Kind.GHOST]
    others = {(one.topic, one.id) for one in found.differences if one.kind is not Kind.GHOST}
    if ghosts:
        healer.write([removal(one, now) for one in ghosts])
    if found.uncounted:
        healer.recapture(found.table, None)
    elif others:
        healer.recapture(found.table, sorted({id for _, id in others}))
    return others


def _healed(found: TableAudit, *rows: set[tuple[str, str]]) -> Healed:
    """`rows` are those that came, that are parked, and that are waited for."""
    ghosts = sum(one.kind is Kind.GHOST for one in found.differences)
    came, parked, waiting = (sorted({id for _, id in some}) for some in rows)
    return Healed(ghosts, len(came), waiting, parked)


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
    parked: Callable[[], set[tuple[str, str]]],
    patience: tuple[Callable[[float], bool], float],
) -> set[tuple[str, str]]:
    """Those of (topic, id) of which the log says nothing new within the seconds of `patience`.
    What is parked isn't waited for.

    With its topic, since a row that belongs in another topic has its removal there.
    """
    wait, seconds = patience
    left, pause = set(rows), 0.5
    topics = sorted({topic for topic, _ in left})
    at = {partition: end for partition, end in ends.items() if partition[0] in topics}
    while left - parked() and seconds > 0 and not wait(pause):
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

"""The events of one row, from the log: the one that wrote it, and those of the same key before it.

A row knows its event's partition and offset. Those before it, and all events of a row that is gone,
are looked for backwards in the one partition that its key belongs to.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from adapters.event_log.history import History as Found
from adapters.event_log.history import SearchLimits
from adapters.event_log.partitioning import partition_of
from adapters.explanation.events import EventExplainer, Schemas, with_changes
from adapters.explanation.explanation import LOST, OTHER_LOG, Explanation
from projections.ports.event_log import Bounds, TopicPartition

History = Callable[[Explanation, SearchLimits], Explanation]
"""(what a row knows by itself, how far to look) → the same with its events. Safe to call from
several threads. Raises Failure where the log or the registry can't be read."""


@dataclass(frozen=True)
class LogReading:
    """How the event log is asked. Each raises KafkaFailed."""

    bounds: Callable[[Sequence[str]], Mapping[TopicPartition, Bounds]]
    """Offsets of each partition of topics."""
    look_back: Callable[[TopicPartition, bytes, Bounds, SearchLimits], Found]
    """The records of a key; see `event_log.history`."""


def history_of(log: LogReading, registry: Callable[[], AbstractContextManager[Schemas]]) -> History:
    """Reads from this log, and understands by the registry that `registry` opens."""

    def history(told: Explanation, limits: SearchLimits) -> Explanation:
        place = _place(log, told, limits)
        if place is None:
            return replace(told, note=OTHER_LOG)
        at, bounds = place
        found = log.look_back(at, told.id.encode(), bounds, limits)
        with registry() as schemas:
            explainer = EventExplainer(schemas)
            if not _is_of_this_log(told, found, explainer):
                return replace(told, note=OTHER_LOG)
            events = [explainer.explained(record) for record in found.records]
        full = replace(
            told,
            partition=at[1],
            events=with_changes(events),
            complete=found.is_complete,
            scanned=found.scanned,
        )
        return replace(full, note=LOST) if full.begins_in_the_middle else full

    return history


def _is_of_this_log(told: Explanation, found: Found, explainer: EventExplainer) -> bool:
    """Whether the event that wrote a row stands where the row says, as far as was looked there."""
    its = told.written_by
    if its is None or found.scanned.first > its.offset or found.scanned.end <= its.offset:
        return True
    at = next((one for one in found.records if one.offset == its.offset), None)
    return at is not None and explainer.event_id(at) in (None, its.event_id)


def _place(
    log: LogReading, told: Explanation, limits: SearchLimits
) -> tuple[TopicPartition, Bounds] | None:
    """The partition of a row's events, and the offsets up to the one that wrote it; None where the
    log has no such offset."""
    written_by = told.written_by
    if written_by is not None and limits.seconds is not None:
        # Who has little time doesn't ask where the log begins: it keeps everything from 0 on.
        return (told.topic, written_by.partition), Bounds(0, written_by.offset + 1)
    bounds = log.bounds([told.topic])
    if written_by is None:
        at = (told.topic, partition_of(told.id.encode(), len(bounds)))
        return at, bounds[at]
    at = (told.topic, written_by.partition)
    if at not in bounds or bounds[at].end <= written_by.offset:
        return None
    return at, Bounds(bounds[at].first, written_by.offset + 1)

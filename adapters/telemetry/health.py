"""What an operator needs to know of the whole chain, and whether it is well.

Lag alone is blind to a dead reader: with nothing to do, a chain without workers looks idle. So
capture's connector, its replication slot and the membership of each group are judged as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """The whole chain in one word."""

    IDLE = "idle"
    """Everything that was committed in the master catalog is in the read catalog."""
    BUSY = "busy"
    """Work is under way, within the thresholds."""
    BEHIND = "behind"
    """Work is under way, and older or more than the thresholds allow."""
    UNHEALTHY = "unhealthy"
    """Something does not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a chain counts as behind or unhealthy."""

    lag_seconds: float = 60.0
    """Age of the oldest record that a stage has not dealt with."""
    dead_letters: int = 0
    retained_wal_mb: float = 1024.0
    """Log that a replication slot holds back in the master database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotStatus:
    """A replication slot of the master database."""

    name: str
    active: bool
    is_ours: bool
    """It is the slot of our connector; others are shown because they hold log as well."""
    retained_bytes: int
    """Write-ahead log that the slot keeps the master from removing."""
    unread_bytes: int | None
    """Log that capture has not read yet; None where nobody reads (during a snapshot, too)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureStatus:
    """The connector and what it leaves in the master database."""

    connector: str
    connector_state: str
    """RUNNING, PAUSED, FAILED, UNASSIGNED, absent or unreachable."""
    trace: str | None
    """Why a task failed: the first line of its trace."""
    slots: Sequence[SlotStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicStatus:
    """How far one stage is in one topic; offsets are sums over its partitions."""

    stage: str
    """translate (reads change topics) or project (reads event topics)."""
    topic: str
    partitions: int
    first: int
    end: int
    position: int
    lag: int
    """Offsets to go."""
    lag_seconds: float
    """Age of the oldest record to go; 0 without lag."""
    rate: float
    """Records a second that arrived in the topic in the last minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupStatus:
    """The workers of a stage."""

    stage: str
    group: str
    members: int
    """0 when nobody works on the stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationStatus:
    """A generation of a read model that is not dropped."""

    read_model: str
    number: int
    schema: str
    phase: str
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStatus:
    """The chain at one moment."""

    at: datetime
    capture: CaptureStatus
    topics: Sequence[TopicStatus]
    groups: Sequence[GroupStatus]
    generations: Sequence[GenerationStatus]
    dead_letters: dict[str, int]
    """Parked records by stage."""
    violations: Sequence[str]
    """Topics that will not, or do not, keep everything."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of a chain and, where it is not well, why: a sentence each."""

    state: State
    problems: tuple[str, ...]


def judge(status: ChainStatus, thresholds: Thresholds) -> Verdict:
    """Say how a chain is."""
    faults = [
        *_capture_faults(status.capture, thresholds),
        *_worker_faults(status),
        *status.violations,
    ]
    parked = sum(status.dead_letters.values())
    if parked > thresholds.dead_letters:
        faults.append(f"{parked} records are parked: `catalog dead-letters list` says why")
    late = [
        f"{topic.stage} of {topic.topic} is {topic.lag} records and {topic.lag_seconds:.0f} s "
        f"behind (allowed: {thresholds.lag_seconds:.0f} s)"
        for topic in status.topics
        if topic.lag_seconds > thresholds.lag_seconds
    ]
    if faults:
        return Verdict(State.UNHEALTHY, (*faults, *late))
    if late:
        return Verdict(State.BEHIND, tuple(late))
    return Verdict(State.IDLE if is_idle(status) else State.BUSY, ())


def is_idle(status: ChainStatus) -> bool:
    """Whether all that was committed in the master is in the live read catalog.

    Parked records and slots of others don't matter here: they are no work that is under way.
    """
    capture = status.capture
    return (
        capture.connector_state == "RUNNING"
        and all(slot.unread_bytes == 0 for slot in capture.slots if slot.is_ours)
        and not any(topic.lag for topic in status.topics)
        and any(generation.phase == "live" for generation in status.generations)
    )


def _capture_faults(capture: CaptureStatus, thresholds: Thresholds) -> list[str]:
    faults = []
    if capture.connector_state != "RUNNING":
        why = f": {capture.trace}" if capture.trace else ""
        faults.append(f"connector {capture.connector} is {capture.connector_state}{why}")
    for slot in capture.slots:
        megabytes = slot.retained_bytes / 1e6
        if not slot.active and not slot.is_ours:
            faults.append(
                f"replication slot {slot.name} has no reader and holds {megabytes:.0f} MB of the "
                f"master's log: `catalog connect slots --drop {slot.name}` if nobody needs it"
            )
        elif megabytes > thresholds.retained_wal_mb:
            faults.append(
                f"replication slot {slot.name} holds {megabytes:.0f} MB of the master's log "
                f"(allowed: {thresholds.retained_wal_mb:.0f} MB)"
            )
    return faults


def _worker_faults(status: ChainStatus) -> list[str]:
    faults = [
        f"nobody works on the stage {group.stage} (group {group.group} has no member): start "
        f"`catalog {group.stage}`"
        for group in status.groups
        if group.members == 0
    ]
    if not any(generation.phase == "live" for generation in status.generations):
        faults.append("there is no live generation: start `catalog project`")
    return faults

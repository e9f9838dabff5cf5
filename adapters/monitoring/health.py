"""What an operator needs to know of the whole chain, and whether it is well.

Lag alone is blind to a dead reader: with nothing to do, a chain without workers looks idle. So
capture's connector, its replication slot and the membership of each group are judged as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line is up without the databases' libraries
    from adapters.read_database.audits import LastAudit


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
    UNKNOWN = "unknown"
    """It can't be looked at now, so nothing is said of it."""


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
    """Why a task failed: the first line of its trace and its last cause."""
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
    """Records per second that arrived in the topic in the last minute."""
    read_model: str = ""
    """Which one is projected; empty at the stage translate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupStatus:
    """The workers of a stage."""

    stage: str
    group: str
    members: int
    """0 when nobody works on the stage."""
    read_model: str = ""
    """Which one is projected; empty at the stage translate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationStatus:
    """A generation of a read model that is not dropped."""

    read_model: str
    number: int
    schema: str
    phase: str
    """What `Phase` says, or `stopped`: unfinished, and nobody works on it."""
    note: str | None
    """What came of comparing it; of one that has stopped, why."""
    made_for: str = ""
    """What sets it apart from one that is to be live: a verification, a point in time, or tables
    carried over."""
    stopped_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedStatus:
    """Dead letters of a stage; at the stage project those of one read model."""

    stage: str
    read_model: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """How a foreign master is taken in."""

    name: str
    connector: str
    """What its database is."""
    topics: int
    state: str
    """loading, live, or stopped."""
    reason: str | None
    """Why it is stopped."""
    capture: str
    """State of its connector in Kafka Connect; empty where it has none."""
    lag: int
    """Records of its topics that aren't taken in."""
    changed_at: datetime | None
    """When a change was last taken in (UTC)."""
    unusable: Mapping[str, int]
    """Master table → rows that can't be used."""
    mappings: Mapping[str, bool]
    """Master table → whether its rows stand in it as the mapping now says."""
    is_exactly_once: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedTopicStatus:
    """A change topic that translation reads no more, though there is more to read."""

    topic: str
    partitions: Sequence[int]
    """Those in which it met what it can't pass."""
    since: datetime
    reason: str
    """With what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStatus:
    """The chain at one time."""

    at: datetime
    capture: CaptureStatus
    topics: Sequence[TopicStatus]
    groups: Sequence[GroupStatus]
    generations: Sequence[GenerationStatus]
    dead_letters: Sequence[ParkedStatus]
    violations: Sequence[str]
    """Topics that will not, or do not, keep everything."""
    master_faults: Sequence[str] = ()
    """Why capture would miss rows of the master or misread them."""
    stopped_topics: Sequence[StoppedTopicStatus] = ()
    audits: Sequence[LastAudit] = ()
    """What the last audit of each master table found."""
    notes: Sequence[str] = ()
    """What is no fault, but should be known."""
    sources: Sequence[SourceStatus] = ()
    """Foreign masters that are applied."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of a chain and, where it is not well, why: a sentence each."""

    state: State
    problems: tuple[str, ...]


def work_of(stage: str, read_model: str) -> str:
    """What a stage is called where it is done for several read models: `project catalog`."""
    return f"{stage} {read_model}" if read_model else stage


def judge(status: ChainStatus, thresholds: Thresholds) -> Verdict:
    """Say how a chain is."""
    faults = [
        *_capture_faults(status.capture, thresholds),
        *status.master_faults,
        *(
            f"translation of {one.topic} is stopped since {one.since:%Y-%m-%d %H:%M} UTC: "
            f"{one.reason}"
            for one in status.stopped_topics
        ),
        *_audit_faults(status.audits),
        *_source_faults(status.sources),
        *_worker_faults(status),
        *status.violations,
    ]
    parked = sum(one.count for one in status.dead_letters)
    if parked > thresholds.dead_letters:
        faults.append(f"{parked} records are parked: `catalog dead-letters list` says why")
    late = [
        f"{work_of(topic.stage, topic.read_model)} of {topic.topic} is {topic.lag} records and "
        f"{topic.lag_seconds:.0f} s behind (allowed: {thresholds.lag_seconds:.0f} s)"
        for topic in status.topics
        if topic.lag_seconds > thresholds.lag_seconds
    ]
    if faults:
        return Verdict(State.UNHEALTHY, (*faults, *late))
    if late:
        return Verdict(State.BEHIND, tuple(late))
    return Verdict(State.IDLE if is_idle(status) else State.BUSY, ())


def is_idle(status: ChainStatus) -> bool:
    """Whether all that was committed in the master is in the live generation of each read model.

    Parked records and slots of others don't matter here: they are no work that is under way.
    """
    capture = status.capture
    ours = [slot for slot in capture.slots if slot.is_ours]
    return (
        capture.connector_state == "RUNNING"
        and bool(ours)  # without our slot nobody knows what capture has not read
        and all(slot.unread_bytes == 0 for slot in ours)
        and not any(topic.lag for topic in status.topics)
        and not any(source.lag for source in status.sources)
        and not _without_live(status)
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
    dead = [
        f"nobody works on the stage {work_of(group.stage, group.read_model)} (group {group.group} "
        f"has no member): start {_command(group.stage, group.read_model)}"
        for group in status.groups
        if group.members == 0
    ]
    missing = [
        f"there is no live generation of {model}: start {_command('project', model)}"
        for model in _without_live(status)
    ]
    return [*dead, *missing]


def _audit_faults(audits: Sequence[LastAudit]) -> list[str]:
    return [
        f"the last audit of {one.table} ({one.at:%Y-%m-%d %H:%M} UTC) found that the log differs "
        f"from the master: `catalog audit --heal {one.table}`"
        for one in audits
        if not one.is_clean
    ]


def _source_faults(sources: Sequence[SourceStatus]) -> list[str]:
    stopped = [
        f"the source {one.name} is stopped: {one.reason}"
        for one in sources
        if one.reason is not None
    ]
    return stopped + [
        f"the connector of the source {one.name} is {one.capture}"
        for one in sources
        if one.capture not in ("", "RUNNING")
    ]


def _command(stage: str, read_model: str) -> str:
    return f"`catalog {stage} --model {read_model}`" if read_model else f"`catalog {stage}`"


def _without_live(status: ChainStatus) -> list[str]:
    """Read models that have no live generation."""
    live = {one.read_model for one in status.generations if one.phase == "live"}
    return [g.read_model for g in status.groups if g.read_model and g.read_model not in live]

"""Asks every engine where the chain stands.

Ends of topics are asked before positions: what a stage had to do a moment ago is done when its
position has reached that end, however fast new records arrive.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from time import monotonic, sleep
from typing import Any

import psycopg

from adapters.capture import guard, oversize
from adapters.capture.connect import Connect, ConnectProblem
from adapters.capture.slots import slot_readings
from adapters.event_log.topic_plans import TopicPlan, TopicState, violations
from adapters.event_log.topics import Topics
from adapters.monitoring.generations import SeenGeneration, seen_generations
from adapters.monitoring.health import (
    CaptureStatus,
    ChainStatus,
    GenerationStatus,
    ParkedStatus,
    SlotStatus,
    StoppedTopicStatus,
    Thresholds,
    Verdict,
    is_idle,
    judge,
    work_of,
)
from adapters.monitoring.positions import Positions
from adapters.read_database.audits import last_of_each
from adapters.read_database.chain_state import live_checkpoints, parked_counts
from adapters.read_database.stopped_topics import stopped
from domain.failures import Unavailable, Unhealthy
from projections.ports.generations import Phase
from projections.read_model import ReadModel


@dataclass(frozen=True)
class Installation:
    """What there is to look at."""

    connector: str
    slot: str
    """The connector's replication slot."""
    captured: Sequence[str]
    """Master tables that capture watches."""
    schema: str
    """Theirs."""
    publication: str
    message_bytes: int
    """What a message may have."""
    topics: Sequence[TopicPlan]
    """All that must keep everything."""
    change_topics: Sequence[str]
    """Those that translation reads."""
    translate_group: str
    project_groups: Sequence[tuple[ReadModel, str]]
    """Read models, each with the group of its workers."""
    prefix: str = ""
    """Of the change topics; others that have it are noted. Empty: nobody looks."""
    is_exactly_once: bool = True
    """Whether changes without a position are refused."""


@dataclass(frozen=True)
class Engines:
    """What is asked; whoever made it closes it."""

    connect: Connect
    topics: Topics
    positions: Positions
    master: psycopg.Connection
    read: psycopg.Connection


def chain_status(installation: Installation, engines: Engines) -> ChainStatus:
    """Where the whole chain stands now.

    Raises Failure for an engine that doesn't answer; Connect alone is only reported.
    """
    capture = _capture(installation, engines)
    states = engines.topics.states([topic.name for topic in installation.topics])
    changes = {name: states[name] for name in installation.change_topics if name in states}
    positions, group = engines.positions, installation.translate_group
    translated = positions.committed(group, changes)
    lines = positions.of_stage("translate", changes, translated)
    groups = [positions.group("translate", group)]
    for model, group in installation.project_groups:
        events = {name: states[name] for name in model.topics if name in states}
        checkpoints = live_checkpoints(engines.read, model.name)
        at = {partition: one.position for partition, one in checkpoints.items()}
        lines += positions.of_stage("project", events, at, model.name)
        groups.append(positions.group("project", group, model.name))
    return ChainStatus(
        at=datetime.now(UTC),
        capture=capture,
        topics=lines,
        groups=groups,
        generations=_generations(installation, engines),
        dead_letters=[
            ParkedStatus(stage=one.stage, read_model=one.read_model, count=one.count)
            for one in parked_counts(engines.read)
        ],
        violations=[
            violation
            for topic in installation.topics
            for violation in violations(states.get(topic.name), topic)
        ],
        master_faults=_master_faults(installation, engines),
        stopped_topics=_stopped_topics(engines, translated, changes),
        audits=last_of_each(engines.read),
        notes=_notes(installation, engines),
    )


def _stopped_topics(
    engines: Engines,
    translated: Mapping[tuple[str, int], int],
    changes: Mapping[str, TopicState],
) -> list[StoppedTopicStatus]:
    ends = {
        (name, number): bounds.end
        for name, state in changes.items()
        for number, bounds in state.partitions.items()
    }
    found = stopped(engines.read, translated, ends)
    return [
        StoppedTopicStatus(
            topic=topic,
            partitions=[one.stop.partition for one in its],
            since=min(one.at for one in its),
            reason=its[0].stop.reason,
        )
        for topic, its in ((t, list(g)) for t, g in groupby(found, lambda one: one.stop.topic))
    ]


def _notes(installation: Installation, engines: Engines) -> list[str]:
    notes = []
    if not installation.is_exactly_once:
        notes.append(
            "changes without a position in the source's log are translated at least once"
            " (CATALOG_TRANSLATE__EXACTLY_ONCE=false)"
        )
    if installation.prefix:
        known = [topic.name for topic in installation.topics]
        unread = guard.unread_topics(engines.topics.names(), installation.prefix, known)
        notes += [f"nobody reads the topic {name}: its changes become no events" for name in unread]
    return notes


def _master_faults(installation: Installation, engines: Engines) -> list[str]:
    names = {
        "schema": installation.schema,
        "publication": installation.publication,
        "slot": installation.slot,
    }
    try:
        shape = guard.look(engines.master, installation.captured, **names)
    except psycopg.Error as error:
        raise Unavailable(f"the master can't be looked at: {error}") from error
    return guard.faults(shape, installation.captured, **names)


def await_idle(
    look: Callable[[], ChainStatus],
    *,
    seconds: float,
    watch: Callable[[ChainStatus], None] = lambda _: None,
) -> ChainStatus:
    """Wait until all that was committed in the master is in every read model.

    Two looks in a row must say so: between them what capture had read, but not yet handed to the
    brokers, has arrived. Raises Unhealthy, saying what hinders, after `seconds`.
    """
    deadline = monotonic() + seconds
    idle = 0
    while True:
        status = look()
        watch(status)
        idle = idle + 1 if is_idle(status) else 0
        if idle == 2:
            return status
        if monotonic() > deadline:
            raise Unhealthy(_why_not_idle(status, seconds))
        sleep(0.3)


def as_json(status: ChainStatus, verdict: Verdict) -> dict[str, object]:
    """For machines: the verdict's state and problems, then the status field by field."""
    plain = dataclasses.asdict(status, dict_factory=_with_times_as_text)
    return {"state": verdict.state.value, "problems": list(verdict.problems), **plain}


def _with_times_as_text(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields
    }


def _why_not_idle(status: ChainStatus, seconds: float) -> str:
    verdict = judge(status, Thresholds())
    lag = [
        f"{work_of(t.stage, t.read_model)} {t.topic}: {t.lag} to go" for t in status.topics if t.lag
    ]
    why = "; ".join([*verdict.problems, *lag]) or "capture has not read all of the master's log"
    return f"the chain is not idle after {seconds:.0f} s: {why}"


def _capture(installation: Installation, engines: Engines) -> CaptureStatus:
    name = installation.connector
    try:
        found = engines.connect.status(name)
        state = found.state if found.state != "RUNNING" else found.task
        trace = _why(found.trace, installation, engines) or None
    except ConnectProblem as problem:
        state, trace = "UNREACHABLE", str(problem)
    slots = [
        SlotStatus(
            name=slot.name,
            active=slot.is_active,
            is_ours=slot.is_ours,
            retained_bytes=slot.retained_bytes,
            unread_bytes=slot.unread_bytes,
        )
        for slot in slot_readings(engines.master, installation.slot)
    ]
    return CaptureStatus(connector=name, connector_state=state, trace=trace, slots=slots)


def _why(trace: str, installation: Installation, engines: Engines) -> str:
    """Why the connector failed; of a change that is too large, of which row it may be."""
    if not oversize.is_oversize(trace):
        return trace
    schema, most = installation.schema, installation.message_bytes
    try:
        rows = oversize.largest_rows(
            engines.master, installation.captured, schema=schema, message_bytes=most
        )
    except psycopg.Error as error:
        raise Unavailable(f"the master can't be looked at: {error}") from error
    return oversize.explain(rows, schema=schema, message_bytes=most)


def _generations(installation: Installation, engines: Engines) -> list[GenerationStatus]:
    models = [model.name for model, _ in installation.project_groups]
    return [
        _generation(one)
        for one in seen_generations(engines.read, models)
        if one.generation.phase is not Phase.DROPPED
    ]


def _generation(one: SeenGeneration) -> GenerationStatus:
    generation = one.generation
    return GenerationStatus(
        read_model=generation.read_model,
        number=generation.number,
        schema=generation.schema,
        phase=one.state,
        note=one.why if one.is_stopped else generation.note,
        made_for=one.made_for,
        stopped_since=one.stopped_since,
    )

"""Asks every engine where the chain stands.

Ends of topics are asked before positions: what a stage had to do a moment ago is done when its
position has reached that end, however fast new records arrive.
"""

import dataclasses
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any

import psycopg

from adapters.capture.connect import Connect, ConnectProblem
from adapters.composition.endpoints import Endpoints
from adapters.composition.settings import Settings
from adapters.composition.topology import READ_MODELS, TRANSLATE_GROUP, project_group, topology
from adapters.event_log.topics import Topics, violations
from adapters.monitoring.health import (
    CaptureStatus,
    ChainStatus,
    GenerationStatus,
    ParkedStatus,
    SlotStatus,
    Thresholds,
    TopicStatus,
    Verdict,
    is_idle,
    judge,
    work_of,
)
from adapters.monitoring.positions import Positions
from domain.failures import Failure, NotMigrated, Unhealthy
from projections.read_model import ReadModel

_SLOTS = """
    SELECT slot_name, active, slot_name = %s,
           coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint,
           CASE WHEN r.sent_lsn IS NOT NULL
                THEN greatest(pg_wal_lsn_diff(%s::pg_lsn, r.sent_lsn), 0)::bigint END
    FROM pg_replication_slots AS s LEFT JOIN pg_stat_replication AS r ON r.pid = s.active_pid
    WHERE slot_type = 'logical' ORDER BY slot_name
"""
_GENERATIONS = """
    SELECT read_model, number, schema_name, phase, note FROM engine.generation
    WHERE phase <> 'dropped' ORDER BY read_model, number
"""
_CHECKPOINTS = """
    SELECT c.topic, c.partition, c.position FROM engine.checkpoint AS c
    JOIN engine.generation AS g ON g.read_model = c.read_model AND g.number = c.generation
    WHERE g.phase = 'live' AND c.read_model = %s
"""
_DEAD_LETTERS = """
    SELECT d.stage, d.read_model, count(*) FROM engine.dead_letter AS d
    LEFT JOIN engine.generation AS g ON g.read_model = d.read_model AND g.number = d.generation
    WHERE d.stage = 'translate' OR g.phase = 'live' GROUP BY 1, 2 ORDER BY 1 DESC, 2
"""


def chain_status(settings: Settings, endpoints: Endpoints) -> ChainStatus:
    """Where the whole chain stands now.

    Raises Failure for an engine that doesn't answer; Connect alone is only reported.
    """
    capture = _capture(settings, endpoints)
    plan = topology(settings)
    states = Topics(endpoints.kafka).states([topic.name for topic in plan.all_topics])
    changes = {t.name: states[t.name] for t in plan.change_topics if t.name in states}
    lines: list[TopicStatus] = []
    groups = []
    with closing(Positions(endpoints.kafka)) as positions:
        translated = positions.committed(TRANSLATE_GROUP, changes)
        lines += positions.of_stage("translate", changes, translated)
        groups.append(positions.group("translate", TRANSLATE_GROUP))
        for model in READ_MODELS:
            events = {name: states[name] for name in model.topics if name in states}
            at = _checkpoints(endpoints, model)
            lines += positions.of_stage("project", events, at, model.name)
            groups.append(positions.group("project", project_group(model), model.name))
    generations, dead_letters = _read_side(endpoints)
    return ChainStatus(
        at=datetime.now(UTC),
        capture=capture,
        topics=lines,
        groups=groups,
        generations=generations,
        dead_letters=dead_letters,
        violations=[
            violation
            for topic in plan.all_topics
            for violation in violations(states.get(topic.name), topic)
        ],
    )


def await_idle(
    settings: Settings,
    endpoints: Endpoints,
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
        status = chain_status(settings, endpoints)
        watch(status)
        idle = idle + 1 if is_idle(status) else 0
        if idle == 2:
            return status
        if monotonic() > deadline:
            raise Unhealthy(_why_not_idle(status, seconds))
        sleep(0.3)


def as_json(status: ChainStatus, verdict: Verdict) -> dict[str, object]:
    """For machines: the verdict's state and problems, then the status field by field."""
    plain = dataclasses.asdict(status)
    plain["at"] = status.at.isoformat()
    return {"state": verdict.state.value, "problems": list(verdict.problems), **plain}


def _why_not_idle(status: ChainStatus, seconds: float) -> str:
    verdict = judge(status, Thresholds())
    lag = [
        f"{work_of(t.stage, t.read_model)} {t.topic}: {t.lag} to go" for t in status.topics if t.lag
    ]
    why = "; ".join([*verdict.problems, *lag]) or "capture has not read all of the master's log"
    return f"the chain is not idle after {seconds:.0f} s: {why}"


def _capture(settings: Settings, endpoints: Endpoints) -> CaptureStatus:
    name = settings.connect.connector
    try:
        found = Connect(endpoints.connect_url).status(name)
        state = found.state if found.state != "RUNNING" else found.task
        trace = found.trace or None
    except ConnectProblem as problem:
        state, trace = "UNREACHABLE", str(problem)
    return CaptureStatus(
        connector=name,
        connector_state=state,
        trace=trace,
        slots=_slots(settings, endpoints),
    )


def _slots(settings: Settings, endpoints: Endpoints) -> list[SlotStatus]:
    try:
        with psycopg.connect(endpoints.master_dsn, autocommit=True) as connection:
            now = connection.execute("SELECT pg_current_wal_lsn()").fetchone()
            rows = connection.execute(_SLOTS, (settings.connect.slot, now and now[0])).fetchall()
    except psycopg.Error as error:
        raise Failure(f"the master database can't be asked: {error}") from None
    return [
        SlotStatus(
            name=name, active=active, is_ours=ours, retained_bytes=retained, unread_bytes=unread
        )
        for name, active, ours, retained, unread in rows
    ]


def _checkpoints(endpoints: Endpoints, model: ReadModel) -> dict[tuple[str, int], int]:
    rows = _ask(endpoints, _CHECKPOINTS, (model.name,))
    return {(topic, partition): position for topic, partition, position in rows}


def _read_side(endpoints: Endpoints) -> tuple[list[GenerationStatus], list[ParkedStatus]]:
    generations = [
        GenerationStatus(read_model=model, number=number, schema=schema, phase=phase, note=note)
        for model, number, schema, phase, note in _ask(endpoints, _GENERATIONS)
    ]
    parked = [
        ParkedStatus(stage=stage, read_model=model, count=count)
        for stage, model, count in _ask(endpoints, _DEAD_LETTERS)
    ]
    return generations, parked


def _ask(endpoints: Endpoints, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    try:
        with psycopg.connect(endpoints.read_dsn, autocommit=True) as connection:
            return connection.execute(sql, values).fetchall()
    except psycopg.errors.UndefinedTable:
        raise NotMigrated from None
    except psycopg.Error as error:
        raise Failure(f"the read database can't be asked: {error}") from None

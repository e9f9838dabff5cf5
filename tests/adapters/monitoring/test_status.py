"""The chain's status, put together from what each engine says."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.capture.connect import ConnectorStatus, ConnectProblem
from adapters.capture.slots import SlotReading
from adapters.event_log.topic_plans import TopicPlan, TopicState
from adapters.monitoring import status
from adapters.monitoring.generations import seen
from adapters.monitoring.health import ChainStatus, GroupStatus, State, Thresholds, judge
from adapters.monitoring.status import Engines, Installation, as_json, await_idle, chain_status
from adapters.read_database.audits import LastAudit
from adapters.read_database.chain_state import LiveCheckpoint, ParkedCount
from adapters.read_database.stopped_topics import StoppedAt
from domain.failures import Unhealthy
from projections.catalog import CATALOG
from projections.ports.event_log import Bounds
from projections.ports.generations import Generation, Phase
from projections.ports.stopped_topics import Stop
from tests.adapters.monitoring.test_health import BUSY_TOPIC, TOPIC, WELL

AT = datetime(2026, 11, 23, 17, 4, 59, tzinfo=UTC)
CHANGES = "master.public.track"
FOR_EVER = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
INSTALLATION = Installation(
    connector="master",
    slot="ours",
    captured=[],
    schema="public",
    publication="p",
    message_bytes=1000,
    topics=[TopicPlan(CHANGES, 1), TopicPlan("catalog.track", 1), TopicPlan("catalog.label", 1)],
    change_topics=[CHANGES],
    translate_group="catalog-translate",
    project_groups=[(CATALOG, "catalog-project")],
)
STOPPED = Generation("catalog", 2, "catalog_g2", Phase.FILLING, changed_at=AT, note="full disk")
GONE = Generation("catalog", 1, "catalog", Phase.DROPPED)


class Asked:
    """Engines that answer, and note what they were asked for, in order."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.connect: Callable[[str], ConnectorStatus] = lambda name: ConnectorStatus(
            name, "RUNNING", "FAILED", "no slot"
        )

    def states(self, names: list[str]) -> dict[str, TopicState]:
        self.order.append("ends")
        return {
            name: TopicState(name, {0: Bounds(0, 10)}, 1, {}, FOR_EVER)
            for name in names
            if name != "catalog.label"
        }

    def committed(self, _group: str, states: dict[str, TopicState]) -> dict[tuple[str, int], int]:
        self.order.append("positions")
        return {(name, 0): 10 for name in states}

    def of_stage(self, stage: str, states: Any, at: Any, model: str = "") -> list[Any]:
        name = next(iter(states))
        position = at[name, 0]
        return [replace(TOPIC, stage=stage, topic=name, read_model=model, position=position)]

    def group(self, stage: str, group: str, model: str = "") -> GroupStatus:
        return GroupStatus(stage=stage, group=group, members=1, read_model=model)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """The databases' answers beside it are fixed."""
    found = Asked()

    def checkpoints(_read: object, _model: str) -> dict[tuple[str, int], LiveCheckpoint]:
        found.order.append("positions")
        return {("catalog.track", 0): LiveCheckpoint(7, AT)}

    answers: dict[str, Callable[..., Any]] = {
        "slot_readings": lambda *_: [SlotReading("ours", True, True, 5, 0)],
        "live_checkpoints": checkpoints,
        "parked_counts": lambda _: [ParkedCount("translate", "", 3)],
        "seen_generations": lambda *_: seen([GONE, STOPPED], []),
        "_master_faults": lambda *_: [],
        "stopped": lambda *_: [
            StoppedAt(Stop(CHANGES, partition, 8, "it lacks a column"), AT) for partition in (0, 3)
        ],
        "last_of_each": lambda _: [LastAudit("track", AT, True, {"rows": 7})],
    }
    for name, answer in answers.items():
        monkeypatch.setattr(status, name, answer)
    return found


def look(asked: Asked) -> ChainStatus:
    engines: Any = Engines(
        connect=SimpleNamespace(status=asked.connect),  # type: ignore[arg-type]
        topics=asked,  # type: ignore[arg-type]
        positions=asked,  # type: ignore[arg-type]
        master=None,  # type: ignore[arg-type]
        read=None,  # type: ignore[arg-type]
    )
    return chain_status(INSTALLATION, engines)


def test_it_is_put_together_from_all_engines(asked: Asked) -> None:
    found = look(asked)
    assert [(t.stage, t.topic, t.read_model, t.position) for t in found.topics] == [
        ("translate", CHANGES, "", 10),
        ("project", "catalog.track", "catalog", 7),
    ]
    assert [group.group for group in found.groups] == ["catalog-translate", "catalog-project"]
    assert [(one.stage, one.count) for one in found.dead_letters] == [("translate", 3)]
    assert found.violations == ["catalog.label doesn't exist: run `catalog topics apply`"]
    assert (found.capture.connector_state, found.capture.trace) == ("FAILED", "no slot")
    assert [(slot.name, slot.retained_bytes) for slot in found.capture.slots] == [("ours", 5)]


def test_a_topic_that_is_read_no_more_is_told_once_with_why(asked: Asked) -> None:
    found = look(asked)
    (one,) = found.stopped_topics
    assert (one.topic, one.partitions, one.since) == (CHANGES, [0, 3], AT)
    problem = f"translation of {CHANGES} is stopped since 2026-11-23 17:04 UTC: it lacks a column"
    assert problem in judge(found, Thresholds()).problems


def test_ends_are_asked_before_positions(asked: Asked) -> None:
    look(asked)
    assert asked.order == ["ends", "positions", "positions"]


def test_connect_alone_may_be_away(asked: Asked) -> None:
    def away(_: str) -> ConnectorStatus:
        raise ConnectProblem("connection refused")

    asked.connect = away
    found = look(asked)
    assert (found.capture.connector_state, found.capture.trace) == (
        "UNREACHABLE", "connection refused"
    )  # fmt: skip
    assert judge(found, Thresholds()).state is State.UNHEALTHY


def test_a_rebuild_that_stopped_is_told_also_to_machines(asked: Asked) -> None:
    found = look(asked)
    (stopped,) = found.generations
    assert (stopped.number, stopped.phase, stopped.note) == (2, "stopped", "full disk")
    told = json.loads(json.dumps(as_json(found, judge(found, Thresholds()))))
    assert told["generations"][0]["stopped_since"] == "2026-11-23T17:04:59+00:00"
    assert told["audits"][0]["at"] == "2026-11-23T17:04:59+00:00"
    assert told["state"] == "unhealthy"


def test_idle_is_believed_when_it_is_seen_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "sleep", lambda _: None)
    busy = replace(WELL, topics=[BUSY_TOPIC])
    looks = iter([WELL, busy, WELL, WELL, busy])
    seen_so_far: list[object] = []
    assert await_idle(lambda: next(looks), seconds=60, watch=seen_so_far.append) == WELL
    assert seen_so_far == [WELL, busy, WELL, WELL]


def test_what_hinders_is_said_when_the_time_is_over() -> None:
    busy = replace(WELL, topics=[BUSY_TOPIC])
    with pytest.raises(Unhealthy, match=r"not idle after 0 s: project catalog catalog.track: 10"):
        await_idle(lambda: busy, seconds=0)

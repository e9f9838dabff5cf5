"""What counts as idle, behind and unhealthy; above all that a dead reader is seen without lag."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.monitoring.health import (
    CaptureStatus,
    ChainStatus,
    GenerationStatus,
    GroupStatus,
    ParkedStatus,
    SlotStatus,
    SourceStatus,
    State,
    Thresholds,
    TopicStatus,
    Verdict,
    is_idle,
    judge,
)
from adapters.read_database.audits import LastAudit

SLOT = SlotStatus(
    name="catalog_master", active=True, is_ours=True, retained_bytes=1_000, unread_bytes=0
)
CAPTURE = CaptureStatus(connector="master", connector_state="RUNNING", trace=None, slots=[SLOT])
TOPIC = TopicStatus(
    stage="project",
    topic="catalog.track",
    partitions=4,
    first=0,
    end=100,
    position=100,
    lag=0,
    lag_seconds=0.0,
    rate=1.0,
    read_model="catalog",
)
WELL = ChainStatus(
    at=datetime(2026, 11, 23, tzinfo=UTC),
    capture=CAPTURE,
    topics=[TOPIC],
    groups=[
        GroupStatus(stage="translate", group="catalog-translate", members=1),
        GroupStatus(stage="project", group="catalog-project", members=2, read_model="catalog"),
    ],
    generations=[
        GenerationStatus(read_model="catalog", number=1, schema="catalog", phase="live", note=None)
    ],
    dead_letters=[],
    violations=[],
)
BUSY_TOPIC = replace(TOPIC, position=90, lag=10, lag_seconds=3.0)
PARKED = ParkedStatus(stage="project", read_model="catalog", count=3)
OTHER = GroupStatus(
    stage="project", group="new_releases-project", members=1, read_model="new_releases"
)
TWO_MODELS = replace(WELL, groups=[*WELL.groups, OTHER])
"""A second read model has its worker, but nothing is live of it yet."""
LATE_TOPIC = replace(TOPIC, position=90, lag=10, lag_seconds=61.0)


def with_slot(**changes: object) -> ChainStatus:
    """The healthy chain with a slot that is different."""
    return replace(WELL, capture=replace(CAPTURE, slots=[replace(SLOT, **changes)]))  # type: ignore[arg-type]


def test_a_chain_with_nothing_to_do_is_idle() -> None:
    verdict = judge(WELL, Thresholds())
    assert verdict.state is State.IDLE
    assert verdict.problems == ()


@pytest.mark.parametrize(
    "status",
    [
        replace(WELL, topics=[BUSY_TOPIC]),
        with_slot(unread_bytes=8),
        with_slot(unread_bytes=None, active=False),
    ],
    ids=["records to go", "log to read", "a snapshot is taken"],
)
def test_work_within_the_thresholds_is_busy(status: ChainStatus) -> None:
    assert judge(status, Thresholds()).state is State.BUSY


def test_a_record_that_waits_too_long_is_behind() -> None:
    verdict = judge(replace(WELL, topics=[LATE_TOPIC]), Thresholds())
    assert verdict.state is State.BEHIND
    assert "catalog.track" in verdict.problems[0]
    assert judge(replace(WELL, topics=[LATE_TOPIC]), Thresholds(lag_seconds=62)).state is State.BUSY


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (replace(WELL, groups=[replace(WELL.groups[0], members=0)]), "nobody works"),
        (replace(WELL, generations=[]), "no live generation of catalog"),
        (TWO_MODELS, "no live generation of new_releases: start `catalog project --model"),
        (replace(WELL, dead_letters=[PARKED]), "3 records are parked"),
        (replace(WELL, violations=["catalog.track forgets"]), "catalog.track forgets"),
        (
            replace(WELL, capture=replace(CAPTURE, connector_state="FAILED", trace="no slot")),
            "FAILED: no slot",
        ),
        (with_slot(retained_bytes=2_000_000_000), "2000 MB"),
        (with_slot(is_ours=False, active=False), "no reader"),
    ],
    ids=[
        "dead reader",
        "nothing live",
        "one of two live",
        "dead letters",
        "topics",
        "connector",
        "log",
        "left slot",
    ],
)
def test_what_does_not_work_is_unhealthy_without_any_lag(status: ChainStatus, said: str) -> None:
    verdict = judge(status, Thresholds())
    assert verdict.state is State.UNHEALTHY
    assert said in " ".join(verdict.problems)


@pytest.mark.parametrize(
    ("status", "idle"),
    [
        (WELL, True),
        (replace(WELL, dead_letters=[PARKED]), True),
        (replace(WELL, topics=[BUSY_TOPIC]), False),
        (with_slot(unread_bytes=None), False),
        (replace(WELL, capture=replace(CAPTURE, slots=[])), False),
        (with_slot(is_ours=False), False),
        (replace(WELL, generations=[]), False),
        (TWO_MODELS, False),
        (replace(WELL, capture=replace(CAPTURE, connector_state="FAILED")), False),
    ],
    ids=[
        "well",
        "parked",
        "records to go",
        "log to read",
        "no slot",
        "only slots of others",
        "nothing live",
        "one of two live",
        "no capture",
    ],
)
def test_idle_is_a_matter_of_the_flow_alone(status: ChainStatus, idle: bool) -> None:
    assert is_idle(status) is idle


def test_a_master_that_capture_misreads_is_no_healthy_chain() -> None:
    verdict = judge(replace(WELL, master_faults=["public.artist has no column"]), Thresholds())
    assert verdict == Verdict(State.UNHEALTHY, ("public.artist has no column",))


def test_what_the_last_audit_found_is_not_forgotten() -> None:
    clean = LastAudit("track", WELL.at, True, {})
    assert judge(replace(WELL, audits=[clean]), Thresholds()).state is State.IDLE
    unclean = replace(clean, table="deal", is_clean=False)
    verdict = judge(replace(WELL, audits=[clean, unclean]), Thresholds())
    assert verdict.state is State.UNHEALTHY
    assert "`catalog audit --heal deal`" in verdict.problems[0]


def test_sources_are_a_part_of_the_chain() -> None:
    source = SourceStatus(
        name="house",
        connector="postgresql",
        topics=3,
        state="live",
        reason=None,
        capture="RUNNING",
        lag=0,
        changed_at=None,
        unusable={},
        mappings={},
        is_exactly_once=True,
    )
    assert judge(replace(WELL, sources=[source]), Thresholds()).state is State.IDLE
    busy = replace(WELL, sources=[replace(source, lag=1)])
    assert judge(busy, Thresholds()).state is State.BUSY
    stopped = replace(WELL, sources=[replace(source, reason="a column is gone", capture="FAILED")])
    assert judge(stopped, Thresholds()).problems == (
        "the source house is stopped: a column is gone",
        "the connector of the source house is FAILED",
    )

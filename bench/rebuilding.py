"""The product itself: rebuilds of one topic and of a whole catalog, through its own front door."""

from bench.data import hold_catalog, hold_tracks
from bench.figures import Figure
from bench.measuring import Measured, measured
from bench.product import build, track_model
from bench.stage import Stage
from projections.catalog import CATALOG

CASE_TOPIC = "rebuild-topic"
CASE_CATALOG = "rebuild-catalog"
TOPIC = "rebuild of one topic"
MEMORY_GOAL_MB = 300.0
SMALL = 0.1
"""The share of the catalog that its cost per event is compared with."""


def run_topic(stage: Stage) -> list[Figure]:
    """Rebuild one topic beside a live generation: filled, indexed, logged, compared, switched."""
    events = hold_tracks(stage)
    with stage.read_side("rebuild_topic") as endpoints:
        first = measured(build, stage.settings, endpoints, track_model())
        second = measured(build, stage.settings, endpoints, track_model())
    return [
        _rate(CASE_TOPIC, "first rebuild of one topic (nothing to compare with)", events, first),
        _rate(CASE_TOPIC, TOPIC, events, second, goal=250_000),
        _memory(CASE_TOPIC, TOPIC, second),
    ]


def run_catalog(stage: Stage) -> list[Figure]:
    """Rebuild a tenth of a catalog, then the whole of it."""
    figures, cost = [], {}
    for share in (SMALL, 1.0):
        events = hold_catalog(stage, share)
        with stage.read_side("rebuild_catalog") as endpoints:
            measured(build, stage.settings, endpoints, CATALOG)
            done = measured(build, stage.settings, endpoints, CATALOG)
        whole = share == 1.0
        name = "rebuild of a whole catalog" if whole else "rebuild of a tenth of it"
        figures.append(_rate(CASE_CATALOG, name, events, done, goal=180_000 if whole else None))
        cost[share] = done.seconds / events
        if whole:
            figures.append(_memory(CASE_CATALOG, name, done))
    growth = (cost[1.0] / cost[SMALL] - 1) * 100
    name = "cost per event, ten times the events"
    figures.append(Figure(CASE_CATALOG, name, "% more", growth, goal=15, lower_is_better=True))
    return figures


def _rate(case: str, name: str, events: int, done: Measured, goal: float | None = None) -> Figure:
    phases = ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in done.value.items())
    return Figure(
        case,
        name,
        "events/s",
        done.rate(events),
        goal=goal,
        seconds=done.seconds,
        peak_mb=done.peak_mb,
        size=events,
        timeline=done.timeline,
        memory=done.memory,
        note=phases,
    )


def _memory(case: str, name: str, done: Measured) -> Figure:
    return Figure(
        case,
        f"memory of the {name}",
        "MB",
        done.peak_mb,
        goal=MEMORY_GOAL_MB,
        lower_is_better=True,
    )

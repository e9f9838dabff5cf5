"""The live path: a worker that meets a backlog, upserting into a table with its key and indexes."""

from bench.data import hold_tracks
from bench.figures import Figure
from bench.measuring import measured
from bench.peers.target import differing_rows
from bench.product import project, track_model
from bench.rebuilding import MEMORY_GOAL_MB
from bench.stage import Stage

CASE = "live"
NAME = "live projection of a backlog"


def run(stage: Stage) -> list[Figure]:
    """One worker, from an empty live table to the end of the topic, durable all the way."""
    events = hold_tracks(stage)
    with stage.read_side("live") as endpoints:
        done = measured(project, stage.settings, endpoints)
        wrong = differing_rows(endpoints.read_dsn, track_model().schema, stage.scale.track_plan)
    return [
        Figure(
            CASE,
            NAME,
            "events/s",
            done.rate(events),
            goal=60_000,
            seconds=done.seconds,
            peak_mb=done.peak_mb,
            size=events,
            timeline=done.timeline,
            memory=done.memory,
            note="every row right" if not wrong else f"{wrong:,} rows wrong",
        ),
        Figure(
            CASE,
            "memory of the worker",
            "MB",
            done.peak_mb,
            goal=MEMORY_GOAL_MB,
            lower_is_better=True,
        ),
    ]

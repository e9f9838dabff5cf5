"""How much the chain tests do: little in every test run, all of it when acceptance is measured."""

import os
from dataclasses import dataclass

VARIABLE = "CHAIN_SIZE"
"""`ci` (the default) or `full`."""


@dataclass(frozen=True)
class Size:
    """Numbers of things that happen."""

    kills: int
    """Of the translator and of workers, under load."""
    engine_kills: int
    """Of each engine under `catalog up`, and of each of three brokers."""
    engine_rate: int
    """Changes per second meanwhile."""
    rebuild_kills: int
    """Rebuilds that are killed at a random point, each then finished by another start."""
    events: int
    """Events that a worker and a rebuild go through while their memory is watched."""
    interruptions: int
    """Ctrl-C in a `catalog run`."""
    interrupted_within: float
    """Latest second of such a run at which it comes."""
    runs: int
    """Runs to the end."""
    lookups: int
    """Over HTTP, through a rebuild, switches and rollbacks."""
    rate: int
    """Changes per second of the load. Acceptance asks for 200, which keep two cores busy; every
    test run takes what a machine of a third of their speed still keeps up with."""
    fuzzed: int
    """Odd records of each kind that go through the readers (tests/fuzz)."""
    rows: int
    """Rows with odd values that are written into the master, each with a good one beside it."""
    delivered: int
    """Messages of a batch that is put into an inbox."""
    inbox_kills: int
    """Of the inbox, while it takes that batch in and answers."""
    audited: int
    """Tracks of the master that an audit compares, with all that belongs to them."""
    differences: int
    """Ways in which the log differs from that master."""
    pause: float
    """Seconds between two questions of a reader."""


SIZES = {
    "ci": Size(
        kills=4,
        engine_kills=1,
        engine_rate=20,
        rebuild_kills=2,
        events=50_000,
        interruptions=1,
        interrupted_within=20.0,
        runs=0,
        lookups=3_000,
        rate=50,
        fuzzed=2_000,
        rows=48,
        delivered=40,
        inbox_kills=2,
        audited=1_200,
        differences=50,
        pause=0.02,
    ),
    "full": Size(
        kills=20,
        engine_kills=10,
        engine_rate=100,
        rebuild_kills=10,
        events=1_000_000,
        interruptions=6,
        interrupted_within=60.0,
        runs=2,
        lookups=100_000,
        rate=200,
        fuzzed=100_000,
        rows=2_000,
        delivered=2_000,
        inbox_kills=5,
        audited=1_000_000,
        differences=500,
        pause=0.0,
    ),
}


def chosen() -> Size:
    """The size that the environment asks for."""
    return SIZES[os.environ.get(VARIABLE, "ci")]

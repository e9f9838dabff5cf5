"""Builds a new generation from message zero beside the live one, proves it and switches to it.

Every step leaves a state from which a later call goes on, so a killed rebuild is simply started
again: filling keeps its checkpoints with the rows, finishing is one transaction a table, and what
follows only compares.
"""

import logging
from dataclasses import dataclass

from projections.engine.fill import fill
from projections.engine.partitions import check_partitions, unknown_partitions
from projections.engine.parts import Parts
from projections.engine.progress import Progress, Report
from projections.engine.switch import by_number, draw_near, switch_to
from projections.engine.verification import Comparison, compare
from projections.ports import TopicPartition
from projections.store import Generation, Phase, Purpose, StoreBusy

log = logging.getLogger(__name__)

UNFINISHED = (Phase.CREATING, Phase.FILLING, Phase.CATCHING_UP)


class HistoryNotWhole(Exception):
    """The log lacks a part of its history: a rebuild would lose what stood there."""


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild came to."""

    generation: Generation
    comparison: Comparison | None
    """None where there was no live generation to compare with."""
    switched: bool
    resumed: bool


def rebuild(
    parts: Parts,
    *,
    switch: bool = True,
    park_poison: bool = False,
    accept_differences: bool = False,
    force: bool = False,
    keep: int = 1,
    report: Report,
) -> Rebuilt:
    """Build, verify and (with `switch`) put live a new generation; go on with a killed one.

    Keeps `keep` former generations for rollback. A generation whose rows differ from the live ones
    is not switched in unless `accept_differences`: it stays, DIFFERENT, for a decision.
    Raises HistoryNotWhole (unless `force`), Poison (unless `park_poison`), RebuildRunning,
    ReadersInTheWay, AnotherLog.
    """
    check_history(parts, force=force)
    with parts.generations.exclusive():
        unfinished = _unfinished(parts, Purpose.SERVE)
        generation = build(parts, Purpose.SERVE, unfinished, park=park_poison, report=report)
        comparison = verify_generation(parts, generation, park=park_poison, report=report)
        generation = by_number(parts, generation.number)
        good = comparison is None or comparison.equal or accept_differences
        if switch and good:
            generation = switch_to(parts, generation, park=park_poison, report=report)
            drop_former(parts, generation, keep)
        return Rebuilt(generation, comparison, switch and good, unfinished is not None)


def check_history(parts: Parts, *, force: bool) -> None:
    """Refuse a log whose history is not whole."""
    violations = parts.events.violations(parts.model.topics)
    if violations and not force:
        raise HistoryNotWhole(
            "a rebuild from this log would lose history: " + "; ".join(violations)
        )
    for violation in violations:
        log.warning("rebuilding although history is not whole: %s", violation)


def build(
    parts: Parts, purpose: Purpose, unfinished: Generation | None, *, park: bool, report: Report
) -> Generation:
    """A whole generation at the live one's positions as they were at the start (at the log's end
    where none is live); goes on with `unfinished`."""
    if unfinished is not None:
        report(Progress("resuming", detail=f"generation {unfinished.number}"))
        generation = parts.generations.resume(unfinished)
    else:
        report(Progress("creating"))
        generation = parts.generations.create(purpose, _target(parts))
    if generation.phase is Phase.FILLING:
        check_partitions(
            parts.store.checkpoints(generation.number), parts.events.bounds(parts.model.topics)
        )
        fill(parts, generation, park=park, report=report)
        noted = parts.noted(generation, report)
        generation = parts.generations.finish(
            generation, lambda table: noted(Progress("indexing", detail=table))
        )
    return generation


def verify_generation(
    parts: Parts, generation: Generation, *, park: bool, report: Report
) -> Comparison | None:
    """Compare with the live generation at equal positions and note the outcome."""
    draw_near(parts, generation, park=park, report=report)
    live = parts.store.live()
    if live is None:
        parts.generations.advance(generation, Phase.VERIFIED, "the first: nothing to compare with")
        return None
    report(Progress("verifying"))
    comparison = compare(
        parts.model,
        parts.generations,
        live,
        generation,
        lambda until: parts.replay_into(generation, until, park=park, report=report),
    )
    phase = Phase.VERIFIED if comparison.equal else Phase.DIFFERENT
    parts.generations.advance(generation, phase, comparison.summary())
    return comparison


def drop_former(parts: Parts, live: Generation, keep: int) -> None:
    """Drop retired generations but the `keep` that were live last, and those that waited for a
    switch and that `live` has overtaken."""
    everything = parts.generations.all()
    former = [g for g in everything if g.phase is Phase.RETIRED]
    former.sort(key=lambda g: (g.switched_at is not None, g.switched_at, g.number), reverse=True)
    overtaken = [
        g
        for g in everything
        if g.purpose is Purpose.SERVE
        and g.phase in {Phase.VERIFIED, Phase.DIFFERENT}
        and g.number < live.number
    ]
    for generation in [*former[keep:], *overtaken]:
        try:
            parts.generations.drop(generation)
        except StoreBusy as busy:  # somebody still reads it; the next rebuild drops it
            log.warning("generation %s is kept for now: %s", generation.number, busy)


def verify_live(parts: Parts, *, force: bool = False, report: Report) -> Comparison:
    """Replay into a generation of its own and compare the live one with it: drift, row by row.

    The live generation goes on meanwhile. Records that can't be used are held back in both.
    """
    check_history(parts, force=force)
    with parts.generations.exclusive():
        unfinished = _unfinished(parts, Purpose.VERIFY)
        generation = build(parts, Purpose.VERIFY, unfinished, park=True, report=report)
        try:
            comparison = verify_generation(parts, generation, park=True, report=report)
        finally:
            parts.generations.drop(by_number(parts, generation.number))
    if comparison is None:
        raise NothingLive("there is no live generation to verify")
    return comparison


class NothingLive(Exception):
    """The read model has no live generation."""


def ensure_live(parts: Parts) -> Generation:
    """The live generation; a first, empty one at message zero where there is none."""
    live = parts.store.live()
    if live is None:
        with parts.generations.exclusive():
            live = parts.store.live() or parts.generations.create(
                Purpose.SERVE, dict.fromkeys(parts.events.bounds(parts.model.topics), 0), live=True
            )
    return live


def _target(parts: Parts) -> dict[TopicPartition, int]:
    """Never beyond the live generation, so that the two can be compared at equal positions."""
    live = parts.store.live()
    # Checkpoints before bounds: workers go on meanwhile, and must not seem ahead of the log.
    checkpoints = None if live is None else parts.store.checkpoints(live.number)
    bounds = parts.events.bounds(parts.model.topics)
    if checkpoints is None:
        return {partition: bound.end for partition, bound in bounds.items()}
    unknown_partitions(checkpoints, bounds)
    return {partition: checkpoints.get(partition, 0) for partition in bounds}


def _unfinished(parts: Parts, purpose: Purpose) -> Generation | None:
    for generation in reversed(parts.generations.all()):
        if generation.purpose is purpose and generation.phase in UNFINISHED:
            return generation
    return None

"""Builds a new generation from message zero beside the live one, proves it and switches to it.

Every step leaves a state from which a later call goes on, so a killed rebuild is simply started
again: filling keeps its checkpoints with the rows, finishing is one transaction a table, and what
follows only compares.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace

from domain.failures import Refused, Unavailable, reason_of
from projections.engine import beginnings
from projections.engine.apply import lag
from projections.engine.context import EngineContext
from projections.engine.estimate import contents, estimated
from projections.engine.fill import fill
from projections.engine.partitions import AnotherLog, another_log, topics_anew
from projections.engine.progress import Progress, Report
from projections.engine.scope import (
    UNFINISHED,
    check_carried,
    live_of_another_log,
    log_ends,
    scope_of,
    target_of,
    topics_read,
    unfinished_of,
)
from projections.engine.switch import by_number, catch_up, switch_to
from projections.engine.verification import Comparison, compare
from projections.ports.event_log import TopicPartition
from projections.ports.generations import WHOLE, Generation, Phase, Purpose, Scope
from projections.ports.read_store import RowsRefused

log = logging.getLogger(__name__)


class HistoryNotWhole(Refused):
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
    context: EngineContext,
    *,
    topics: Collection[str] = (),
    switch: bool = True,
    park_poison: bool = False,
    accept_differences: bool = False,
    force: bool = False,
    keep: int = 1,
    report: Report,
) -> Rebuilt:
    """Build, verify and (with `switch`) put live a new generation; go on with a killed one.

    Where `topics` are named, only they are read; the other tables are carried over from the live
    generation. Keeps `keep` former generations for rollback. A generation whose rows differ from
    the live ones is not switched in unless `accept_differences`: it stays, DIFFERENT, for a
    decision.
    A row that is live and would vanish or go back is such a difference, whatever could not be used.
    Raises HistoryNotWhole (unless `force`), Poison (unless `park_poison`), RebuildRunning,
    ReadersInTheWay, AnotherLog, NothingToCarry, CantSwitch.
    """
    scope = scope_of(context.model, topics)
    check_history(context, scope, force=force)
    with context.generations.exclusive(), failure_noted(context, Purpose.SERVE, scope):
        unfinished = unfinished_of(context, Purpose.SERVE, scope)
        generation = build(context, Purpose.SERVE, scope, park=park_poison, report=report)
        comparison = verify_generation(context, generation, park=park_poison, report=report)
        generation = by_number(context, generation.number)
        good = comparison is None or comparison.equal or accept_differences
        if switch and good:
            generation = switch_to(context, generation, park=park_poison, report=report)
            drop_former(context, generation, keep)
        return Rebuilt(generation, comparison, switch and good, unfinished is not None)


@contextmanager
def failure_noted(context: EngineContext, purpose: Purpose, scope: Scope = WHOLE) -> Iterator[None]:
    """Keep with the unfinished generation why work on it stopped, for whoever looks at it later.

    A process that is killed leaves no reason; that nobody works on it is seen all the same.
    """
    try:
        yield
    except Exception as error:
        with suppress(Unavailable):  # the failure itself must be told, whatever becomes of the note
            unfinished = unfinished_of(context, purpose, scope)
            if unfinished is not None:
                context.generations.note_failure(unfinished, reason_of(error))
        raise


def check_history(context: EngineContext, scope: Scope = WHOLE, *, force: bool) -> None:
    """Refuse a log whose history is not whole."""
    violations = context.events.violations(topics_read(context.model, scope))
    if violations and not force:
        raise HistoryNotWhole(
            "a rebuild from this log would lose history: " + "; ".join(violations)
        )
    for violation in violations:
        log.warning("rebuilding although history is not whole: %s", violation)


def build(
    context: EngineContext, purpose: Purpose, scope: Scope = WHOLE, *, park: bool, report: Report
) -> Generation:
    """A whole generation at the live one's positions as they were at the start (at the log's end
    where none is live, or for the catalog as of an instant); goes on with a killed one."""
    unfinished = unfinished_of(context, purpose, scope)
    if unfinished is not None:
        report(Progress("resuming", detail=f"generation {unfinished.number}"))
        _require_own_log(context, unfinished)
        generation = context.generations.resume(unfinished)
    else:
        report(Progress("creating"))
        if scope.carried:
            check_carried(context, scope)
        target = target_of(context, scope)
        _forget_former_positions(context)
        generation = context.generations.create(purpose, target, scope=scope)
    context = replace(context, expected=estimated(context, generation))
    _require_own_log(context, generation)
    if generation.phase is Phase.FILLING:
        missing = lag(context.store.checkpoints(generation.number), generation.target)
        with context.timed(generation, missing):
            fill(context, generation, park=park, report=report)
        taken_up = context.by_table(generation, "indexing", report)
        timed = context.timed(generation, contents(context, generation), "indexing")
        # Of one that was killed, some tables may be done already: that is no throughput to go by.
        with timed if unfinished is None else nullcontext():
            generation = _finished(context, generation, taken_up)
    return generation


def _require_own_log(context: EngineContext, unfinished: Generation) -> None:
    topics = context.model.topics
    if (why := another_log(context.store, context.events, unfinished, topics)) is not None:
        raise AnotherLog(
            f"{why}: it can't be gone on with; drop it (`catalog generations drop "
            f"{unfinished.number}`) and begin again"
        )


def _forget_former_positions(context: EngineContext) -> None:
    """What was discarded in a topic that was made anew since says nothing of the new one."""
    live = context.store.live()
    if live is not None:
        noted = context.store.topic_ids(live.number)
        if anew := topics_anew(noted, context.events.topic_ids(context.model.topics)):
            context.store.forget_positions(anew)


def _finished(
    context: EngineContext, generation: Generation, report: Callable[[str], None]
) -> Generation:
    try:
        return context.generations.finish(generation, report)
    except RowsRefused as refusal:  # filled by a release that did not try its rows before
        raise CantIndex(
            f"generation {generation.number} can't be indexed: {refusal}; drop it (`catalog "
            f"generations drop {generation.number}`) and begin again, which finds the event"
        ) from refusal


class CantIndex(Refused):
    """A generation holds a row that an index refuses."""


def verify_generation(
    context: EngineContext, generation: Generation, *, park: bool, report: Report
) -> Comparison | None:
    """Compare with the live generation at equal positions and note the outcome; with one of another
    log at this log's end."""
    catch_up(context, generation, park=park, report=report)
    live = context.store.live()
    if live is None:
        note = f"the first: nothing to compare with{beginnings.told(generation)}"
        context.generations.advance(generation, Phase.VERIFIED, note)
        return None
    context = replace(context, expected=estimated(context, generation))
    if (other := live_of_another_log(context)) is not None:
        log.warning("compared with rows of another log, whatever their positions: %s", other)
    with context.timed(generation, contents(context, generation), "verifying"):
        comparison = compare(
            context.model,
            context.generations,
            live,
            generation,
            lambda until: context.replay_into(generation, until, park=park, report=report),
            context.by_table(generation, "verifying", report),
            instead=None if other is None else log_ends(context),
        )
    comparison = replace(
        comparison,
        discarded=discarded_below(context, comparison.positions),
        lost=beginnings.told(generation),
    )
    phase = Phase.VERIFIED if comparison.equal else Phase.DIFFERENT
    context.generations.advance(generation, phase, comparison.summary())
    return comparison


def discarded_below(context: EngineContext, positions: Mapping[TopicPartition, int]) -> int:
    """How many events below these positions were discarded on purpose."""
    return sum(
        offset < positions.get(partition, 0)
        for partition, offsets in context.store.discarded().items()
        for offset in offsets
    )


def drop_former(context: EngineContext, live: Generation, keep: int) -> None:
    """Drop retired generations but the `keep` that were live last, those that waited for a switch,
    or were never finished, and that `live` has overtaken, and what comparisons have left."""
    everything = context.generations.all()
    former = [g for g in everything if g.phase is Phase.RETIRED]
    former.sort(key=lambda g: (g.switched_at is not None, g.switched_at, g.number), reverse=True)
    overtaken = [
        g
        for g in everything
        if g.purpose is Purpose.SERVE
        and g.phase in {Phase.VERIFIED, Phase.DIFFERENT, *UNFINISHED}
        and g.number < live.number
    ]
    for generation in [*former[keep:], *overtaken, *_compared(everything)]:
        _drop(context, generation)


def _compared(everything: Collection[Generation]) -> list[Generation]:
    """Generations that were made for a comparison and are still there."""
    return [g for g in everything if g.purpose is Purpose.VERIFY and g.phase is not Phase.DROPPED]


def _drop(context: EngineContext, generation: Generation) -> None:
    """Drop it, if nobody reads it just now: the next rebuild or comparison does otherwise."""
    try:
        context.generations.drop(generation)
    except Unavailable as busy:
        log.warning("generation %s is kept for now: %s", generation.number, busy)


def verify_live(context: EngineContext, *, force: bool = False, report: Report) -> Comparison:
    """Replay into a generation of its own and compare the live one with it: drift, row by row.

    The live generation goes on meanwhile. Records that can't be used are parked in both; a row that
    the live one has of an event that the replay can't use is a difference. What cannot be dropped
    afterwards is dropped by the next comparison or rebuild.
    """
    check_history(context, force=force)
    with context.generations.exclusive(), failure_noted(context, Purpose.VERIFY):
        for former in _compared(context.generations.all()):
            if former.phase not in UNFINISHED:
                _drop(context, former)
        generation = build(context, Purpose.VERIFY, park=True, report=report)
        try:
            comparison = verify_generation(context, generation, park=True, report=report)
        finally:
            _drop(context, by_number(context, generation.number))
    if comparison is None:
        raise NothingLive("there is no live generation to verify")
    return comparison


class NothingLive(Refused):
    """The read model has no live generation."""


def ensure_live(context: EngineContext) -> Generation:
    """The live generation; a first, empty one at message zero where there is none."""
    live = context.store.live()
    if live is None:
        with context.generations.exclusive():
            live = context.store.live() or context.generations.create(
                Purpose.SERVE,
                dict.fromkeys(context.events.bounds(context.model.topics), 0),
                live=True,
            )
    return live

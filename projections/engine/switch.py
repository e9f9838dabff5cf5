"""Puts a generation in the live one's place, in one step that no reader and no worker falls into.

The successor is brought near the live one, then workers are held off for a moment while the last
lag is closed, and in the same transaction the schemas are renamed. Rollback is the same with the
former generation.
"""

import logging
from collections.abc import Callable
from time import monotonic, sleep

from domain.failures import WrongUsage
from projections.engine.apply import lag
from projections.engine.context import EngineContext
from projections.engine.partitions import require_same_log
from projections.engine.progress import Progress, Report
from projections.engine.scope import live_of_another_log, live_positions, log_ends
from projections.ports.generations import Generation, Phase, Purpose, ReadersInTheWay

log = logging.getLogger(__name__)

NEAR = 5_000
"""Offsets of lag that may be closed while workers are held off: some ten milliseconds' work."""
PATIENCE = 60.0
"""Seconds for which a switch tries to find a moment between long readers."""


class CantSwitch(WrongUsage):
    """There is no such generation, or it isn't fit to become live, or to be dropped."""


def switch_to(
    context: EngineContext,
    successor: Generation,
    *,
    park: bool,
    report: Report,
    patience: float = PATIENCE,
    wait: Callable[[float], None] = sleep,
) -> Generation:
    """Make `successor` live at exactly the positions of the generation that it replaces.

    Where that was made of another log, it becomes live at this log's end. Raises ReadersInTheWay
    when readers keep locks on live tables for longer than `patience`, AnotherLog where the
    successor isn't of this log, and CantSwitch.
    """
    context.generations.update(successor)
    require_same_log(context.store, context.events, successor, context.model.topics)
    deadline = monotonic() + patience
    pause = 0.05
    while True:
        catch_up(context, successor, park=park, report=report)
        is_other = live_of_another_log(context) is not None
        with context.generations.hold_live() as held:
            if held.generation is not None:
                live_at = context.model.known(held.checkpoints())
                until = log_ends(context) if is_other else live_at
                context.replay_into(successor, until, park=park, report=report)
            try:
                report(Progress("switching"))
                held.switch(successor)
                break
            except ReadersInTheWay as readers:
                if monotonic() > deadline:
                    raise
                log.info("switch put off: %s", readers)
        wait(pause)
        pause = min(2.0, pause * 2)
    return by_number(context, successor.number)


def catch_up(context: EngineContext, generation: Generation, *, park: bool, report: Report) -> None:
    """Bring a generation to where the live one is, but for what arrives meanwhile.

    Raises CantSwitch for one of a release that did not read all that the live one is made of.
    """
    while (until := live_positions(context)) is not None:
        reached = context.store.checkpoints(generation.number)
        if lacking := {topic for topic, _ in until} - {topic for topic, _ in reached}:
            raise CantSwitch(
                f"generation {generation.number} was made by a release that did not read "
                f"{', '.join(sorted(lacking))}: go back to it with that release, or drop it "
                f"(`catalog generations drop {generation.number}`) and rebuild"
            )
        missing = lag(reached, until)
        if missing == 0:
            return
        context.replay_into(generation, until, park=park, report=report)
        if missing <= NEAR:
            return


def switch(
    context: EngineContext, number: int | None, *, force: bool, report: Report
) -> Generation:
    """Make generation `number` live; by default the newest that was verified.

    Raises CantSwitch for one that is unknown, unfinished, only for comparison, as of an instant, or
    (unless `force`) was not found equal to the live one.
    """
    with context.generations.exclusive():
        fit = [g for g in context.generations.all() if g.phase is Phase.VERIFIED]
        if number is None and not fit:
            raise CantSwitch("no generation is verified and waiting: `catalog rebuild --no-switch`")
        chosen = fit[-1] if number is None else by_number(context, number)
        if chosen.purpose is Purpose.AS_OF:
            raise CantSwitch(
                f"generation {chosen.number} is the catalog as of {chosen.scope.as_of}, to be "
                "asked only: nothing switches it in"
            )
        allowed = {Phase.VERIFIED, Phase.RETIRED} | ({Phase.DIFFERENT} if force else set())
        if chosen.purpose is not Purpose.SERVE or chosen.phase not in allowed:
            hint = "; --force takes it all the same" if chosen.phase is Phase.DIFFERENT else ""
            raise CantSwitch(f"generation {chosen.number} is {chosen.phase.value}{hint}")
        return switch_to(context, chosen, park=True, report=report)


def rollback(context: EngineContext, *, report: Report) -> Generation:
    """Bring the former generation up to date and make it live again."""
    with context.generations.exclusive():
        former = [g for g in context.generations.all() if g.phase is Phase.RETIRED]
        if not former:
            raise CantSwitch("no former generation is kept to go back to")
        newest = max(former, key=lambda g: (g.switched_at is not None, g.switched_at, g.number))
        return switch_to(context, newest, park=True, report=report)


def drop(context: EngineContext, number: int) -> Generation:
    """Drop generation `number`, whatever it is for, but the live one; its entry stays.

    Raises CantSwitch where there is nothing to drop, RebuildRunning, StoreBusy.
    """
    with context.generations.exclusive():
        chosen = by_number(context, number)
        if chosen.phase is Phase.LIVE:
            raise CantSwitch(f"generation {number} is live: switch to another one first")
        if chosen.phase is Phase.DROPPED:
            raise CantSwitch(f"generation {number} was dropped already")
        context.generations.drop(chosen)
        return by_number(context, number)


def by_number(context: EngineContext, number: int) -> Generation:
    """A generation by its number. Raises CantSwitch."""
    for generation in context.generations.all():
        if generation.number == number:
            return generation
    raise CantSwitch(f"there is no generation {number}")

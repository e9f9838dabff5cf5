"""How long a rebuild should take, by what former ones took: phase by phase, per offset."""

from collections.abc import Mapping, Sequence

from projections.engine.parts import Parts
from projections.ports.generations import Generation, Pace, Scope

READS = "filling"
"""The phase whose time goes by what is read; the others' goes by what the tables hold."""


def contents(parts: Parts, generation: Generation) -> int:
    """Offsets that a generation's tables are made of in the end, carried ones included."""
    return sum(generation.target.values()) + carried_offsets(parts, generation.scope)


def carried_offsets(parts: Parts, scope: Scope) -> int:
    """Offsets that tables carried over from the live generation are made of now."""
    live = parts.store.live() if scope.carried else None
    positions = {} if live is None else parts.store.checkpoints(live.number)
    return sum(at for (topic, _), at in positions.items() if topic in scope.carried)


def foreseen(parts: Parts, generation: Generation) -> dict[str, float]:
    """Phase → seconds that a generation should take from its start, as far as is known."""
    former = [one for one in parts.generations.all() if one.number != generation.number]
    return estimate(paces(former), sum(generation.target.values()), contents(parts, generation))


def paces(former: Sequence[Generation]) -> dict[str, tuple[int, Pace]]:
    """Phase → number and pace of the newest generation that noted one."""
    return {
        phase: (one.number, pace)
        for one in former
        for phase, pace in one.pace.items()
        if pace.offsets and pace.seconds
    }


def estimate(known: Mapping[str, tuple[int, Pace]], reads: int, whole: int) -> dict[str, float]:
    """Phase → seconds for reading so many offsets, and for tables made of so many."""
    return {
        phase: (reads if phase == READS else whole) * pace.seconds / pace.offsets
        for phase, (_, pace) in known.items()
    }

"""How long a rebuild should take, by what former ones took: phase by phase, per offset."""

from collections.abc import Mapping, Sequence

from projections.engine.context import EngineContext
from projections.ports.generations import Generation, Scope, Throughput

READS = "filling"
"""The phase whose time goes by what is read; the others' goes by what the tables hold."""


def contents(context: EngineContext, generation: Generation) -> int:
    """Offsets that a generation's tables are made of in the end, carried ones included."""
    return sum(generation.target.values()) + carried_offsets(context, generation.scope)


def carried_offsets(context: EngineContext, scope: Scope) -> int:
    """Offsets that tables carried over from the live generation are made of now."""
    live = context.store.live() if scope.carried else None
    positions = {} if live is None else context.store.checkpoints(live.number)
    return sum(at for (topic, _), at in positions.items() if topic in scope.carried)


def estimated(context: EngineContext, generation: Generation) -> dict[str, float]:
    """Phase → seconds that a generation should take from its start, as far as is known."""
    former = [one for one in context.generations.all() if one.number != generation.number]
    return estimate(
        throughputs(former), sum(generation.target.values()), contents(context, generation)
    )


def throughputs(former: Sequence[Generation]) -> dict[str, tuple[int, Throughput]]:
    """Phase → number and throughput of the newest generation that noted one."""
    return {
        phase: (one.number, throughput)
        for one in former
        for phase, throughput in one.throughput.items()
        if throughput.offsets and throughput.seconds
    }


def estimate(
    known: Mapping[str, tuple[int, Throughput]], reads: int, whole: int
) -> dict[str, float]:
    """Phase → seconds for reading so many offsets, and for tables made of so many."""
    return {
        phase: (reads if phase == READS else whole) * throughput.seconds / throughput.offsets
        for phase, (_, throughput) in known.items()
    }

"""What a rebuild would do, without doing it: what it reads from where to where, and how long."""

from dataclasses import dataclass
from datetime import datetime

from projections.engine.context import EngineContext
from projections.engine.estimate import carried_offsets, estimate, throughputs
from projections.engine.progress import PHASES
from projections.engine.scope import check_carried, target_of, topics_read, unfinished_of
from projections.ports.generations import Purpose, Scope


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read of one partition: offsets from `start` up to `end`, of which some may be a
    transaction's markers and no records."""

    topic: str
    partition: int
    start: int
    end: int

    @property
    def offsets(self) -> int:
        """How many."""
        return max(0, self.end - self.start)


@dataclass(frozen=True)
class RebuildPlan:
    """A rebuild that was not begun."""

    as_of: datetime | None
    resumes: int | None
    """The generation that it would go on with."""
    readings: tuple[Reading, ...]
    """Every partition of the topics that are read."""
    carried: tuple[str, ...]
    """Topics whose tables are copied from the live generation."""
    violations: tuple[str, ...]
    """Why history is not whole; a rebuild is refused then, unless it is forced."""
    seconds: dict[str, float]
    """Phase → how long it should take; phases that no former rebuild has timed are missing."""
    timed_by: tuple[int, ...]
    """Numbers of the generations whose throughput that goes by."""

    @property
    def offsets(self) -> int:
        """How much is read in all."""
        return sum(reading.offsets for reading in self.readings)

    @property
    def total_seconds(self) -> float | None:
        """How long all of it should take; None where a phase is not known."""
        known = len(self.seconds) == len(timed_phases(self.as_of))
        return sum(self.seconds.values()) if known else None


def timed_phases(as_of: datetime | None) -> tuple[str, ...]:
    """Phases that a rebuild's time is made of; catching up takes what arrives meanwhile, and a
    catalog as of an instant is compared with nothing."""
    left_out = {"catching_up"} if as_of is None else {"catching_up", "verifying"}
    return tuple(phase for phase in PHASES if phase not in left_out)


def plan(context: EngineContext, purpose: Purpose, scope: Scope) -> RebuildPlan:
    """What such a rebuild would do if it were started now. Writes nothing, and waits for nobody.

    Raises AnotherLog, NothingToCarry.
    """
    if scope.carried:
        check_carried(context, scope)
    topics = topics_read(context.model, scope)
    begun = unfinished_of(context, purpose, scope)
    target = target_of(context, scope) if begun is None else begun.target
    starts = {} if begun is None else context.store.checkpoints(begun.number)
    readings = tuple(
        Reading(*partition, min(starts.get(partition, 0), end), end)
        for partition, end in sorted(target.items())
        if partition[0] in topics
    )
    whole = sum(target.values()) + carried_offsets(context, scope)
    known = throughputs(context.generations.all())
    expected = estimate(known, sum(reading.offsets for reading in readings), whole)
    seconds = {phase: expected[phase] for phase in timed_phases(scope.as_of) if phase in expected}
    return RebuildPlan(
        as_of=scope.as_of,
        resumes=None if begun is None else begun.number,
        readings=readings,
        carried=tuple(topic for topic in context.model.topics if topic in scope.carried),
        violations=tuple(context.events.violations(topics)),
        seconds=seconds,
        timed_by=tuple(sorted({known[phase][0] for phase in seconds})),
    )

"""What a generation is made of: which topics are read up to where, and what is carried over."""

from collections.abc import Collection

from projections.engine.context import EngineContext
from projections.engine.partitions import unknown_partitions
from projections.ports.event_log import TopicPartition
from projections.ports.generations import WHOLE, Generation, NothingToCarry, Phase, Purpose, Scope
from projections.read_model import ReadModel

UNFINISHED = (Phase.CREATING, Phase.FILLING, Phase.CATCHING_UP)


def scope_of(model: ReadModel, topics: Collection[str]) -> Scope:
    """What a rebuild of these topics is made of; all of them where none are named."""
    return Scope(carried=frozenset(model.topics) - set(topics)) if topics else WHOLE


def topics_read(model: ReadModel, scope: Scope) -> list[str]:
    """Topics whose events a generation is made of."""
    return [topic for topic in model.topics if topic not in scope.carried]


def target_of(context: EngineContext, scope: Scope) -> dict[TopicPartition, int]:
    """Never beyond the live generation, so that the two can be compared at equal positions; the
    log's end for what is as of an instant, and nothing of what is carried over."""
    live = context.store.live() if scope.as_of is None else None
    # Checkpoints before bounds: workers go on meanwhile, and must not seem ahead of the log.
    checkpoints = None if live is None else context.store.checkpoints(live.number)
    bounds = context.events.bounds(context.model.topics)
    if checkpoints is None:
        return {partition: bound.end for partition, bound in bounds.items()}
    unknown_partitions(checkpoints, bounds)
    return {
        partition: 0 if partition[0] in scope.carried else checkpoints.get(partition, 0)
        for partition in bounds
    }


def unfinished_of(context: EngineContext, purpose: Purpose, scope: Scope) -> Generation | None:
    """What a killed process has left of such a generation."""
    for generation in reversed(context.generations.all()):
        made = (generation.purpose, generation.scope)
        if made == (purpose, scope) and generation.phase in UNFINISHED:
            return generation
    return None


def check_carried(context: EngineContext, scope: Scope) -> None:
    """Refuse at once what could not be carried over in the end."""
    live = context.store.live()
    if live is None:
        raise NothingToCarry(
            "there is no live generation to carry tables over from: rebuild all topics"
        )
    with context.generations.read(live) as reader:
        for projection in context.model.projections:
            wanted = {column.name for column in projection.sql.columns}
            lacking = wanted - set(reader.columns(projection.sql.name))
            if projection.topic in scope.carried and lacking:
                raise NothingToCarry(
                    f"the live table {projection.sql.name} has no {', '.join(sorted(lacking))}: "
                    f"rebuild {projection.topic} too, or run `catalog migrate` first"
                )

"""What a generation is made of: which topics are read up to where, and what is carried over."""

from collections.abc import Collection

from projections.engine.context import EngineContext
from projections.engine.partitions import another_log
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
    log's end for what is as of an instant, or where the live one is of another log; and nothing of
    what is carried over.

    Raises AnotherLog, NothingToCarry.
    """
    live, other = context.store.live(), live_of_another_log(context)
    if other is not None and scope.carried:
        raise NothingToCarry(f"nothing can be carried over, so rebuild all topics: {other}")
    if live is None or other is not None or scope.as_of is not None:
        return log_ends(context)
    # Checkpoints before bounds: workers go on meanwhile, and must not seem ahead of the log.
    checkpoints = context.store.checkpoints(live.number)
    return {
        partition: 0 if partition[0] in scope.carried else checkpoints.get(partition, 0)
        for partition in context.events.bounds(context.model.topics)
    }


def log_ends(context: EngineContext) -> dict[TopicPartition, int]:
    """Where each partition ends now."""
    bounds = context.events.bounds(context.model.topics)
    return {partition: bound.end for partition, bound in bounds.items()}


def live_of_another_log(context: EngineContext) -> str | None:
    """Why the live generation was made of another log than this one; None where it was made of
    this one, or nothing is live. What it says can be compared then, but not where it stands.

    Raises AnotherLog for topics that nothing can be made of as they are.
    """
    live = context.store.live()
    if live is None:
        return None
    return another_log(context.store, context.events, live, context.model.topics)


def live_positions(context: EngineContext) -> dict[TopicPartition, int] | None:
    """Where a successor of the live generation must be: where that is, or at the log's end where
    that was made of another log. None where nothing is live."""
    live = context.store.live()
    if live is None:
        return None
    if live_of_another_log(context) is not None:
        return log_ends(context)
    return context.model.known(context.store.checkpoints(live.number))


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

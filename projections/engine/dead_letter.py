"""Tries parked records of the project stage again, each key's in order.

A dead letter is projected like any record and leaves in the transaction that stores its rows. The
first of a key that fails again keeps all later ones of that key waiting. One at a time is read with
its bytes, however many there are.
"""

from collections.abc import Collection, Iterator
from contextlib import suppress

from domain.failures import Unusable, reason_of
from projections.engine.batch import project
from projections.engine.context import EngineContext
from projections.ports.dead_letters import DeadLetter, DeadLetters, NoDeadLetter, Retried, Stage
from projections.ports.event_log import RecordBatch
from projections.ports.read_store import DeadLettersMoved, GenerationMoved, Write


def retry(
    context: EngineContext, dead_letters: DeadLetters, numbers: Collection[int] | None = None
) -> Retried:
    """Try the whole queues again to which `numbers` belong; all queues by default.

    Records that arrive behind a queue meanwhile are dealt with too, or wait no more.
    Raises Unavailable.
    """
    done: list[int] = []
    failed: dict[int, str] = {}
    asked = [
        place
        for place in dead_letters.places(Stage.PROJECT)
        if numbers is None or place.number in numbers
    ]
    queues = dict.fromkeys((one.topic, one.key) for one in asked if one.key is not None)
    alone = [one.number for one in asked if one.key is None]
    for records in (
        *(_queue(dead_letters, topic, key) for topic, key in queues),
        *(_single(dead_letters, number) for number in alone),
    ):
        for record in records:
            reason = _tried(context, record)
            if reason is not None:
                failed[record.number] = reason
                dead_letters.note_failure(record.number, reason)
                break
            done.append(record.number)
    return Retried(tuple(done), failed)


def _queue(dead_letters: DeadLetters, topic: str, key: bytes) -> Iterator[DeadLetter]:
    """One after another, as long as each has left before the next is asked for."""
    while (first := dead_letters.first(Stage.PROJECT, topic, key)) is not None:
        yield first


def _single(dead_letters: DeadLetters, number: int) -> Iterator[DeadLetter]:
    """A record without a key waits for none, and none for it."""
    with suppress(NoDeadLetter):  # dealt with by another process meanwhile
        yield dead_letters.show(number)


def _tried(context: EngineContext, record: DeadLetter) -> str | None:
    """Why it failed again; None when it was resolved."""
    batch = RecordBatch(
        record.topic,
        record.partition,
        [record.offset],
        [record.key],
        [record.value],
        record.offset + 1,
    )
    live = context.store.live()
    if live is None or live.number != record.generation:
        return "its generation is not live any more"
    try:
        projected = project(context.model, context.decoder, [batch])
        if projected.bad:
            return projected.bad[0].reason
        write = Write(rows=projected.rows, moves=(), resolved=(record.number,))
        context.store.write(live, write)
    except Unusable as failure:
        return reason_of(failure)
    except (GenerationMoved, DeadLettersMoved) as moved:
        return f"try again: {moved}"
    return None

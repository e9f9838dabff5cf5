"""Tries parked records of the project stage again, the newest of each key first.

A dead letter is projected like any record and leaves in the transaction that stores its row. Those
before it are superseded then, for an event carries the whole state of its row: they leave in the
same transaction. One at a time is read with its bytes, however many there are.
"""

from collections.abc import Collection

from domain.failures import Unusable, reason_of
from projections.engine.batch import project, used_of
from projections.engine.context import EngineContext
from projections.ports.dead_letters import (
    DeadLetter,
    DeadLetters,
    NoDeadLetter,
    Place,
    Retried,
    Stage,
)
from projections.ports.event_log import RecordBatch
from projections.ports.read_store import DeadLettersMoved, GenerationMoved, Write


def retry(
    context: EngineContext, dead_letters: DeadLetters, numbers: Collection[int] | None = None
) -> Retried:
    """Try all parked records of the keys again to which `numbers` belong; of all keys by default.

    Raises Unavailable.
    """
    places = dead_letters.places(Stage.PROJECT)
    asked = [place for place in places if numbers is None or place.number in numbers]
    keys = {(one.topic, one.key) for one in asked if one.key is not None}
    alone = {one.number for one in asked if one.key is None}
    done: list[int] = []
    failed: dict[int, str] = {}
    superseded: list[int] = []
    resolved: set[tuple[str, bytes | None]] = set()
    for place in sorted(places, key=_newest_first):
        if (place.topic, place.key) not in keys and place.number not in alone:
            continue
        try:
            record = dead_letters.show(place.number)
        except NoDeadLetter:  # by what was resolved just now, or by another process
            if (place.topic, place.key) in resolved:
                superseded.append(place.number)
            continue
        reason = _tried(context, record)
        if reason is None:
            done.append(record.number)
            resolved.add((place.topic, place.key))
        else:
            failed[record.number] = reason
            dead_letters.note_failure(record.number, reason)
    return Retried(tuple(done), failed, tuple(superseded))


def _newest_first(place: Place) -> tuple[str, int, int]:
    return (place.topic, place.partition, -place.offset)


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
        keys = [] if record.key is None else [(record.topic, record.key)]
        write = Write(
            rows=projected.rows,
            moves=(),
            superseded=used_of(context.model, projected.rows, keys),
            resolved=(record.number,),
        )
        context.store.write(live, write)
    except Unusable as failure:
        return reason_of(failure)
    except (GenerationMoved, DeadLettersMoved) as moved:
        return f"try again: {moved}"
    return None

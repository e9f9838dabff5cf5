"""Tries parked records of the project stage again, each key's in order.

A letter is projected like any record and leaves in the transaction that stores its rows. The first
of a key that fails again keeps all later ones of that key waiting.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from projections.engine.batch import HandlerFailed, project
from projections.engine.context import EngineContext
from projections.ports.dead_letters import DeadLetter, DeadLetters, Stage
from projections.ports.event_log import RecordBatch
from projections.ports.read_store import DeadLettersMoved, GenerationMoved, RowsRefused, Write


@dataclass(frozen=True)
class Retried:
    """Numbers of the letters that were resolved, and of those that failed again, with why."""

    done: tuple[int, ...]
    failed: dict[int, str]


def retry(
    context: EngineContext, dead_letters: DeadLetters, numbers: Collection[int] | None = None
) -> Retried:
    """Try the whole queues again to which `numbers` belong; all queues by default.

    Records that arrive behind a queue meanwhile are dealt with too, or wait no more.
    Raises DecoderFailed, StoreBusy.
    """
    done: list[int] = []
    failed: dict[int, str] = {}
    for topic, key in _queues(dead_letters, numbers):
        while letter := _first(dead_letters, topic, key, numbers, failed):
            reason = _tried(context, letter)
            if reason is None:
                done.append(letter.number)
                continue
            failed[letter.number] = reason
            dead_letters.note_failure(letter.number, reason)
            if key is not None:
                break
    return Retried(tuple(done), failed)


def _queues(
    dead_letters: DeadLetters, numbers: Collection[int] | None
) -> Iterable[tuple[str, bytes | None]]:
    """(topic, key) in the order in which they are met."""
    letters = dead_letters.list(Stage.PROJECT)
    return dict.fromkeys(
        (one.topic, one.key) for one in letters if numbers is None or one.number in numbers
    )


def _first(
    dead_letters: DeadLetters,
    topic: str,
    key: bytes | None,
    numbers: Collection[int] | None,
    failed: Collection[int],
) -> DeadLetter | None:
    """The next of a queue; of records without a key, which wait for none, the next asked for."""
    for letter in dead_letters.list(Stage.PROJECT, topic, key):
        if letter.key != key:
            continue
        if key is not None:
            return letter
        if letter.number not in failed and (numbers is None or letter.number in numbers):
            return letter
    return None


def _tried(context: EngineContext, letter: DeadLetter) -> str | None:
    """Why it failed again; None when it was resolved."""
    batch = RecordBatch(
        letter.topic,
        letter.partition,
        [letter.offset],
        [letter.key],
        [letter.value],
        letter.offset + 1,
    )
    live = context.store.live()
    if live is None or live.number != letter.generation:
        return "its generation is not live any more"
    try:
        projected = project(context.model, context.decoder, [batch])
        if projected.bad:
            return projected.bad[0].reason
        write = Write(rows=projected.rows, moves=(), resolved=(letter.number,))
        context.store.write(live, write)
    except (HandlerFailed, RowsRefused) as failure:
        return str(failure)
    except (GenerationMoved, DeadLettersMoved) as moved:
        return f"try again: {moved}"
    return None

"""Tries parked records of the project stage again, each key's in order.

A letter is projected like any record and leaves in the transaction that stores its rows. The first
of a key that fails again keeps all later ones of that key waiting.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby

from projections.engine.batch import HandlerFailed, project
from projections.engine.parts import Parts
from projections.ports import DeadLetter, DeadLetters, RecordBatch, Stage
from projections.store import GenerationMoved, LettersMoved, RowsRefused, Write


@dataclass(frozen=True)
class Retried:
    """Numbers of the letters that were made good, and of those that failed again, with why."""

    done: tuple[int, ...]
    failed: dict[int, str]


def retry(
    parts: Parts, dead_letters: DeadLetters, numbers: Collection[int] | None = None
) -> Retried:
    """Try the whole queues again to which `numbers` belong; all queues by default.

    Records that arrive behind a queue meanwhile are dealt with too, or wait no more.
    Raises DecoderFailed, StoreBusy.
    """
    done: list[int] = []
    failed: dict[int, str] = {}
    for topic, key in _queues(dead_letters, numbers):
        while letters := dead_letters.list(Stage.PROJECT, topic, key):
            if key is None:
                letters = [one for one in letters if one.number not in failed]
                if numbers is not None:
                    letters = [one for one in letters if one.number in numbers]
            if not letters:
                break
            letter = letters[0]
            reason = _tried(parts, letter)
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
) -> Iterator[tuple[str, bytes | None]]:
    letters = dead_letters.list(Stage.PROJECT)
    queues = sorted({(one.topic, one.key or b"", one.key is None) for one in letters
                     if numbers is None or one.number in numbers})  # fmt: skip
    for (topic, key, without), _ in groupby(queues):
        yield topic, None if without else key


def _tried(parts: Parts, letter: DeadLetter) -> str | None:
    """Why it failed again; None when it was made good."""
    batch = RecordBatch(
        letter.topic,
        letter.partition,
        [letter.offset],
        [letter.key],
        [letter.value],
        letter.offset + 1,
    )
    live = parts.store.live()
    if live is None or live.number != letter.generation:
        return "its generation is not live any more"
    try:
        projected = project(parts.model, parts.decoder, [batch])
        if projected.bad:
            return projected.bad[0].reason
        write = Write(rows=projected.rows, moves=(), resolved=(letter.number,))
        parts.store.write(live, write)
    except (HandlerFailed, RowsRefused) as failure:
        return str(failure)
    except (GenerationMoved, LettersMoved) as moved:
        return f"try again: {moved}"
    return None

"""Looks numbers up: those that many requests ask for at the same moment, in one execution.

A statement costs more to start than to answer for one more number, so requests that come while the
database is busy are sent together when it is free. Each answer still comes from one statement.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from adapters.api.database import ReadDatabase
from adapters.api.parameters import Lookup
from adapters.api.problems import Unanswered, too_slow
from domain.identifiers import Identifier, identify, is_text, scheme_named
from projections.catalog.queries.lookup import LOOKUP, MATCHES_LIMIT

TOGETHER = 32
"""How many numbers of different requests are asked for at once."""


class Asked(NamedTuple):
    """One number, and what decides the availability of what it stands on."""

    number: Identifier
    country: str | None = None
    usages: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What one number stands on."""

    generation: int | None
    entries: str | None
    """JSON list; None for nothing."""
    truncated: bool
    conflicts: list[str]


def asked(scheme: str, value: str, how: Lookup) -> Asked:
    """A number by its scheme's name or alias. Raises UnknownScheme."""
    number = identify(scheme_named(scheme), value, how.namespace)
    return Asked(number, how.country and how.country.upper(), how.usage_types, how.at)


def flaw_of(one: Asked, found: Found) -> str | None:
    """The rule that a number breaks which nobody wrote like that either; None: it has an answer."""
    if found.entries is not None or one.number.is_valid:
        return None
    return one.number.flaw or "it is not valid"


def answer_of(one: Asked, found: Found) -> dict[str, Any]:
    """The answer's members."""
    return {
        "scheme": one.number.scheme,
        "value": one.number.value,
        "matches": msgspec.Raw((found.entries or "[]").encode()),
        "truncated": found.truncated,
        "conflicts": found.conflicts,
    }


async def look_up_all(database: ReadDatabase, numbers: Sequence[Asked]) -> list[Found]:
    """Answers in order, all from one statement. Raises Problem."""
    rows = await database.rows(LOOKUP, _arrays(numbers))
    return [
        Found(generation, entries, found > MATCHES_LIMIT, conflicts or [])
        for generation, _line, entries, found, conflicts in rows
    ]


def _arrays(numbers: Sequence[Asked]) -> dict[str, Any]:
    # A database of text can't be asked for what isn't text; nothing is found under ''.
    texts = [is_text(n.number.raw) for n in numbers]
    return {
        "schemes": [n.number.scheme for n in numbers],
        "values": [n.number.value if t else "" for n, t in zip(numbers, texts, strict=True)],
        "raws": [n.number.raw.strip() if t else "" for n, t in zip(numbers, texts, strict=True)],
        "namespaces": [n.number.namespace for n in numbers],
        "countries": [n.country for n in numbers],
        "usages": [n.usages for n in numbers],
        "moments": [n.at for n in numbers],
    }


class Lookups:
    """Gathers single lookups into executions; `lanes` of them run at the same time."""

    def __init__(self, database: ReadDatabase, lanes: int = 2) -> None:
        self._database = database
        self._waiting: list[tuple[Asked, asyncio.Future[Found]]] = []
        self._free = lanes
        self._tasks: set[asyncio.Task[None]] = set()

    async def find(self, one: Asked) -> Found:
        """What a number stands on. Raises Problem."""
        future: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, future))
        if self._free:
            self._free -= 1
            task = asyncio.create_task(self._run())
            self._tasks.add(task)  # the loop itself forgets it
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
                await self._answer([(a, f) for a, f in batch if not f.done()])
        finally:
            # In the step that saw nobody waiting: a number that came before the task has ended,
            # but after that look, would find its lane taken and nobody in it.
            self._free += 1

    async def _answer(self, batch: list[tuple[Asked, asyncio.Future[Found]]]) -> None:
        try:
            found = await look_up_all(self._database, [one for one, _ in batch])
        except Exception as error:
            if len(batch) > 1 and not is_everyones(error):
                # One of them is to blame, and the others are answered. At the same time: one that
                # is slow keeps none of them waiting.
                await asyncio.gather(*(self._answer([single]) for single in batch))
            else:
                _fail(batch, error)
        except BaseException as error:
            _fail(batch, error)
            raise
        else:
            for (_, future), one in zip(batch, found, strict=True):
                if not future.done():
                    future.set_result(one)


def is_everyones(error: Exception) -> bool:
    """Whether a failure says nothing about what was asked: alone it would fail too."""
    return isinstance(error, Unanswered) and error.members["type"] != too_slow().members["type"]


def _fail(batch: list[tuple[Asked, asyncio.Future[Found]]], error: BaseException) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)

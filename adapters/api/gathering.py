"""Gathers lookups: the numbers that many requests ask for at the same time, in one execution.

A statement costs more to start than to answer for one more number, so requests that come while the
database is busy are sent together when it is free. Each answer still comes from one statement, and
no request fails for what another one asked: a statement that fails is asked again for each alone.
"""

import asyncio

from adapters.read_database.query_pool import QueryPool
from adapters.read_database.querying import NoReadTables, ReadDatabaseAway
from projections.catalog.queries import lookup
from projections.catalog.queries.lookup import LOOKUP, Asked, LookupAnswer

TOGETHER = 32
"""How many numbers of different requests are asked for at once."""

_Waiting = tuple[Asked, asyncio.Future[LookupAnswer]]


async def look_up_all(database: QueryPool, numbers: list[Asked]) -> list[LookupAnswer]:
    """Answers in order, all from one statement. Raises what `QueryPool.rows` raises."""
    rows = await database.rows(LOOKUP, lookup.parameters(numbers))
    return lookup.answers(numbers, rows)


class GatheredLookups:
    """Gathers single lookups into executions; `lanes` of them run at the same time."""

    def __init__(self, database: QueryPool, lanes: int = 2) -> None:
        self._database = database
        self._waiting: list[_Waiting] = []
        self._free = lanes
        self._tasks: set[asyncio.Task[None]] = set()

    async def find(self, one: Asked) -> LookupAnswer:
        """What a number stands on. Raises what `QueryPool.rows` raises."""
        future: asyncio.Future[LookupAnswer] = asyncio.get_running_loop().create_future()
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

    async def _answer(self, batch: list[_Waiting]) -> None:
        try:
            found = await look_up_all(self._database, [one for one, _ in batch])
        except (ReadDatabaseAway, NoReadTables) as error:
            _fail(batch, error)  # whatever was asked: it would fail alone too
        except Exception as error:
            if len(batch) > 1:
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


def _fail(batch: list[_Waiting], error: BaseException) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)

"""Lookups are gathered: none is left waiting, whenever it comes."""

import asyncio
from typing import Any, cast

import pytest
from psycopg import DataError

from adapters.api.gathering import GatheredLookups
from adapters.read_database.query_pool import QueryPool
from adapters.read_database.querying import ReadDatabaseAway, TooSlow
from projections.catalog.queries.lookup import LookupAnswer, asked


class Answering:
    """A database that finds nothing, at once."""

    async def rows(self, statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """A row a number."""
        return [(1, line, None, 0, None, None) for line, _ in enumerate(parameters["values"])]


def test_who_asks_again_at_once_is_answered() -> None:
    async def ask() -> list[LookupAnswer]:
        lookups = GatheredLookups(cast(QueryPool, Answering()), lanes=1)
        one = asked("isrc", "GBAYE0000001")
        async with asyncio.timeout(5):
            return [await lookups.find(one) for _ in range(3)]

    assert len(asyncio.run(ask())) == 3


class Choosy:
    """A database that fails whatever is asked together with one number, as PostgreSQL does."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure
        self.asked: list[int] = []

    async def rows(self, statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """A row a number, unless one of them is the one."""
        self.asked.append(len(parameters["values"]))
        await asyncio.sleep(0)
        if GUILTY in parameters["values"]:
            raise self.failure
        return [(1, line, None, 0, None, None) for line, _ in enumerate(parameters["values"])]


GUILTY = "GBAYE0000007"


def _ask_together(database: Choosy) -> list[LookupAnswer | BaseException]:
    async def ask() -> list[LookupAnswer | BaseException]:
        lookups = GatheredLookups(cast(QueryPool, database), lanes=1)
        numbers = [asked("isrc", f"GBAYE00000{n:02}") for n in range(20)]
        async with asyncio.timeout(5):
            return await asyncio.gather(
                *(lookups.find(one) for one in numbers), return_exceptions=True
            )

    return asyncio.run(ask())


@pytest.mark.parametrize("failure", [DataError("time zone displacement"), TooSlow("5 s")])
def test_of_numbers_asked_together_only_the_one_to_blame_fails(failure: Exception) -> None:
    answers = _ask_together(Choosy(failure))
    assert [n for n, answer in enumerate(answers) if answer is failure] == [7]
    assert sum(isinstance(answer, LookupAnswer) for answer in answers) == 19


def test_a_database_that_is_away_is_not_asked_once_more_for_each() -> None:
    database = Choosy(ReadDatabaseAway("away"))
    answers = _ask_together(database)
    assert sum(isinstance(answer, ReadDatabaseAway) for answer in answers) == max(database.asked)
    assert len(database.asked) < 4

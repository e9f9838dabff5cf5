"""Lookups are gathered: none is left waiting, whenever it comes."""

import asyncio
from typing import Any, cast

from adapters.api.database import ReadDatabase
from adapters.api.lookups import Found, Lookups, asked
from adapters.api.parameters import Lookup


class Answering:
    """A database that finds nothing, at once."""

    async def rows(self, statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """A row a number."""
        return [(1, line, None, 0, None) for line, _ in enumerate(parameters["values"])]


def test_who_asks_again_at_once_is_answered() -> None:
    async def ask() -> list[Found]:
        lookups = Lookups(cast(ReadDatabase, Answering()), lanes=1)
        one = asked("isrc", "GBAYE0000001", Lookup())
        async with asyncio.timeout(5):
            return [await lookups.find(one) for _ in range(3)]

    assert len(asyncio.run(ask())) == 3

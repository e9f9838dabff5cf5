"""Asks the API's lookup statement, as the API asks it."""

from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg

from adapters.api.parameters import LookupParameters
from projections.catalog.queries.lookup import Asked, LookupAnswer, asked, look_up
from tests.adapters.ingestion.master import Master


@dataclass(frozen=True)
class Asker:
    """A master, and the read catalog that was filled from it."""

    master: Master
    read_dsn: str

    def look_up(self, scheme: str, value: str, **how: str) -> list[dict[str, Any]]:
        """The matches of one number."""
        return self.look_up_all([(scheme, value, how)])[0]

    def answer(self, scheme: str, value: str, **how: str) -> LookupAnswer:
        """The whole answer for one number."""
        return self.answers([(scheme, value, how)])[0]

    def look_up_all(
        self, questions: list[tuple[str, str, dict[str, str]]]
    ) -> list[list[dict[str, Any]]]:
        """The matches of many numbers, from one statement."""
        return [answer.matches() for answer in self.answers(questions)]

    def answers(self, questions: list[tuple[str, str, dict[str, str]]]) -> list[LookupAnswer]:
        """The answers for many numbers, from one statement."""
        numbers = [_asked(scheme, value, how) for scheme, value, how in questions]
        with psycopg.connect(self.read_dsn) as connection:
            return look_up(
                lambda statement, given: connection.execute(statement, given).fetchall(), numbers
            )


def _asked(scheme: str, value: str, how: dict[str, str]) -> Asked:
    given = msgspec.convert(how, LookupParameters, strict=False)
    one = asked(scheme, value, given.namespace)
    return one._replace(country=given.country, usages=given.usage_types, at=given.at)

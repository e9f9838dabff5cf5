"""Dead letters as an operator looks through them: by reason, filtered, a page at a time.

For who only looks, on a connection of theirs. Raises what psycopg raises.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg

_LIVE = """
    (d.stage = 'translate' OR EXISTS (SELECT 1 FROM engine.generation AS g
     WHERE g.read_model = d.read_model AND g.number = d.generation AND g.phase = 'live'))
"""
_MATCHES = """
    AND (%(stage)s = '' OR d.stage = %(stage)s) AND (%(model)s = '' OR d.read_model = %(model)s)
    AND (%(topic)s = '' OR d.topic = %(topic)s)
    AND (%(reason)s = '' OR d.reason = %(reason)s)
    AND (%(key)s = '' OR d.key = convert_to(%(key)s, 'UTF8'))
"""


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters; an empty text takes all."""

    stage: str = ""
    topic: str = ""
    reason: str = ""
    key: str = ""
    model: str = ""
    """Read model; translation's dead letters are of none."""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "DeadLetterFilter":
        """The filter in the fields of a form or an address."""
        names = ("stage", "topic", "reason", "key", "model")
        return cls(*(given.get(name, "").strip().replace("\0", "") for name in names))

    @property
    def fields(self) -> dict[str, str]:
        """What is set."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True, slots=True)
class DeadLetterLine:
    """A dead letter in a list, without its bytes."""

    number: int
    stage: str
    read_model: str
    topic: str
    partition: int
    offset: int
    key: str | None
    """As text, with escapes for what is none."""
    reason: str
    parked_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """Dead letters of one reason."""

    stage: str
    read_model: str
    topic: str
    reason: str
    count: int
    oldest: datetime


def page(
    connection: psycopg.Connection, chosen: DeadLetterFilter, *, after: int, limit: int
) -> list[DeadLetterLine]:
    """Up to `limit` dead letters by number, those beyond `after`."""
    rows = connection.execute(
        "SELECT d.number, d.stage, d.read_model, d.topic, d.partition, d.offset, d.key, d.reason,"
        f" d.parked_at, d.attempts FROM engine.dead_letter AS d WHERE {_LIVE} {_MATCHES}"
        " AND d.number > %(after)s ORDER BY d.number LIMIT %(limit)s",
        {**asdict(chosen), "after": after, "limit": limit},
    )
    return [_line(*row) for row in rows]


def numbers(connection: psycopg.Connection, chosen: DeadLetterFilter) -> list[int]:
    """Numbers of all dead letters that a filter takes."""
    rows = connection.execute(
        f"SELECT d.number FROM engine.dead_letter AS d WHERE {_LIVE} {_MATCHES} ORDER BY d.number",
        asdict(chosen),
    )
    return [number for (number,) in rows]


def by_reason(connection: psycopg.Connection, limit: int = 200) -> list[ReasonCount]:
    """How many are parked for which reason, most first."""
    rows = connection.execute(
        "SELECT d.stage, d.read_model, d.topic, d.reason, count(*), min(d.parked_at) "
        f"FROM engine.dead_letter AS d WHERE {_LIVE} "
        "GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4 LIMIT %s",
        (limit,),
    )
    return [ReasonCount(*row) for row in rows]


def _line(number: int, stage: str, read_model: str, *rest: Any) -> DeadLetterLine:
    topic, partition, offset, key, *behind = rest
    text = None if key is None else bytes(key).decode("utf-8", "backslashreplace")
    return DeadLetterLine(number, stage, read_model, topic, partition, offset, text, *behind)

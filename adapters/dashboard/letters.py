"""Dead letters as an operator looks at them: filtered, a page at a time."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from adapters.dashboard.sight import ask

PAGE = 50
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
class Filter:
    """Which letters; an empty text takes all."""

    stage: str = ""
    topic: str = ""
    reason: str = ""
    key: str = ""
    model: str = ""
    """Read model; translation's letters are of none."""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Filter":
        """The filter in the fields of a form or an address."""
        names = ("stage", "topic", "reason", "key", "model")
        return cls(*(given.get(name, "").strip() for name in names))

    @property
    def fields(self) -> dict[str, str]:
        """What is set."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True, slots=True)
class Line:
    """A letter in a list."""

    number: int
    stage: str
    read_model: str
    topic: str
    partition: int
    offset: int
    key: str | None
    reason: str
    parked_at: datetime
    attempts: int


def page(dsn: str, chosen: Filter, after: int = 0) -> list[Line]:
    """Up to PAGE letters by number, and one more where there are further ones."""
    rows = ask(
        dsn,
        "SELECT d.number, d.stage, d.read_model, d.topic, d.partition, d.offset, d.key, d.reason,"
        f" d.parked_at, d.attempts FROM engine.dead_letter AS d WHERE {_LIVE} {_MATCHES}"
        " AND d.number > %(after)s ORDER BY d.number LIMIT %(limit)s",
        {**_values(chosen), "after": after, "limit": PAGE + 1},
    )
    shown: list[tuple[Any, ...]] = [
        (*row[:6], None if row[6] is None else _text(row[6]), *row[7:]) for row in rows
    ]
    return [Line(*row) for row in shown]


def numbers(dsn: str, chosen: Filter) -> list[int]:
    """Numbers of all letters that a filter takes."""
    rows = ask(
        dsn,
        f"SELECT d.number FROM engine.dead_letter AS d WHERE {_LIVE} {_MATCHES} ORDER BY d.number",
        _values(chosen),
    )
    return [number for (number,) in rows]


def _values(chosen: Filter) -> dict[str, str]:
    return {
        "stage": chosen.stage,
        "topic": chosen.topic,
        "reason": chosen.reason,
        "model": chosen.model,
        "key": chosen.key.replace("\0", ""),
    }


def _text(raw: bytes) -> str:
    return bytes(raw).decode("utf-8", "backslashreplace")

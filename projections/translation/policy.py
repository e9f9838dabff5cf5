"""What an installation decides about changes that can't be translated truly or exactly once."""

from dataclasses import dataclass
from enum import StrEnum


class AbsentColumn(StrEnum):
    """What becomes of a change that lacks a column which earlier ones of its partition carried."""

    STOP = "stop"
    """Its topic is read no more until the process is started again; nothing is parked or lost."""
    PARK = "park"
    """It is parked, and with it what follows of its key."""
    NULL = "null"
    """The column was dropped on purpose: it is taken for null."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How strict translation is."""

    absent_column: AbsentColumn = AbsentColumn.STOP
    is_exactly_once: bool = True
    """Whether changes without a position in the source's log are refused."""


STRICT = Policy()


def absence(table: str, columns: list[str]) -> str:
    """What is wrong with a change that lacks these columns, and what to do."""
    return (
        f"{table} lacks {', '.join(columns)}, which earlier changes carried (renamed or dropped?):"
        " absent is not null"
    )

"""Figures as people read them, alike on the command line and on pages.

Nothing here is for machines: those get plain numbers, and times in ISO 8601.
"""

from datetime import UTC, datetime
from itertools import pairwise

UNKNOWN = "unknown"

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_SIZES = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def number(value: float) -> str:
    """With commas between thousands; one decimal below 10 where it isn't whole: `1,234`, `3.2`."""
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:,.1f}"


def count(value: int, one: str, many: str = "") -> str:
    """How many of what: `1 record`, `2,000 records`; `many` where it isn't `one` and an s."""
    return f"{number(value)} {one if value == 1 else many or f'{one}s'}"


def size(value: int) -> str:
    """Bytes in powers of ten: `512 B`, `1.5 kB`, `23 MB`."""
    for unit, factor in _SIZES:
        if value >= factor:
            digits = 1 if value < 10 * factor else 0
            return f"{value / factor:.{digits}f} {unit}"
    return f"{value} B"


def span(seconds: float | None) -> str:
    """A length of time in its two largest units: `0.2 s`, `42 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds is None:
        return UNKNOWN
    seconds = max(0.0, seconds)
    if seconds < 9.95 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    left = round(seconds)
    for (unit, length), (smaller, part) in pairwise(_UNITS):
        if left >= length:
            rest = left % length // part
            return f"{left // length} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{left} s"


def ago(instant: datetime | None, now: datetime) -> str:
    """How long since, in the largest unit: `12 s ago`, `3 h ago`; `never` for None."""
    if instant is None:
        return "never"
    seconds = max(0.0, (now - instant).total_seconds())
    for unit, length in _UNITS[:-1]:
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def instant(value: datetime | None) -> str:
    """To the second, in UTC: `2026-11-23 17:04:59`; nothing for None."""
    return "" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def length(milliseconds: int) -> str:
    """A recording's length in minutes and seconds: `3:07.250`."""
    return f"{milliseconds // 60_000}:{milliseconds % 60_000 / 1000:06.3f}"

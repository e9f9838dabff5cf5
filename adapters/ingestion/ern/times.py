"""Dates and times of deals: when they begin and end, and where they are local.

A date or time without a zone is local time of the territory that the deal names (kb.ddex.net, best
practices for all standards, deals and commercial aspects: "Start dates, end dates, start datetimes
and end datetimes"). End dates are included ("Exclusive vs inclusive deals", same place). A date may
be `YYYY[-MM[-DD]]` (ddex_IsoDate, Data Dictionary Standard): a start begins with the first day of
its month or year, an end closes with the last. `T24:00:00` is the next day's midnight (XML Schema).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.territories import COUNTRIES, WORLDWIDE, zone_of

CLOSED = datetime(1970, 1, 1, tzinfo=UTC)
"""`valid_to` of a deal that can't be read: it sells nothing, and nothing ever did so early."""

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?)?)?"
    r"(Z|[+-]\d\d:\d\d)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class PointInTime:
    """An instant, or a time that is local to each territory."""

    at: datetime
    """UTC; if it is local: the naive local time."""

    @property
    def is_local(self) -> bool:
        """Whether each territory has its own instant."""
        return self.at.tzinfo is None

    @property
    def local(self) -> str | None:
        """The local time as ISO 8601; None for an instant."""
        return self.at.isoformat() if self.is_local else None

    def first(self, territories: tuple[str, ...], excluded: tuple[str, ...]) -> datetime:
        """The instant at which it comes in the first of the territories."""
        return min(_instants(self.at, territories, excluded)) if self.is_local else self.at

    def last(self, territories: tuple[str, ...], excluded: tuple[str, ...]) -> datetime:
        """The instant at which it comes in the last of the territories."""
        return max(_instants(self.at, territories, excluded)) if self.is_local else self.at


Reading = Callable[[str], PointInTime | None]
"""`start` or `end`."""


def start(written: str) -> PointInTime | None:
    """When a period begins that is said to start so. None for what is no date."""
    return _read(written, is_end=False)


def end(written: str) -> PointInTime | None:
    """Until when (exclusive) a period lasts that is said to end so. None for what is no date."""
    return _read(written, is_end=True)


def later(one: PointInTime, other: PointInTime) -> PointInTime:
    """The later of two; of a local and an absolute time the one that is later in UTC."""
    return max(one, other, key=lambda m: m.at.replace(tzinfo=UTC))


def _read(written: str, *, is_end: bool) -> PointInTime | None:
    match = _DATE.fullmatch(written.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        read = datetime(int(year), int(month or 1), int(day or 1))
        if hour is not None:
            if hour == "24" and int(minute) + int(second or 0) + int(fraction or 0):
                return None
            days = timedelta(days=1) if hour == "24" else timedelta()
            micros = int(((fraction or "") + "000000")[:6])
            read = read.replace(
                hour=int(hour) % 24 if hour == "24" else int(hour),
                minute=int(minute),
                second=int(second or 0),
                microsecond=micros,
            )
            read += days
        elif is_end:
            read = _next(read, month is not None, day is not None)
        if zone is None:
            return PointInTime(read)
        return PointInTime(read.replace(tzinfo=_offset(zone)).astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def _next(first: datetime, has_month: bool, has_day: bool) -> datetime:
    """The end of the day, month or year that begins so; the last that there is for 9999."""
    if has_day:
        last = datetime.max.replace(hour=0, minute=0, second=0, microsecond=0)
        return last if first >= last else first + timedelta(days=1)
    if first.year == 9999:
        return datetime(9999, 12, 31)
    if has_month:
        return datetime(first.year + first.month // 12, first.month % 12 + 1, 1)
    return datetime(first.year + 1, 1, 1)


def _offset(zone: str) -> timezone:
    if zone == "Z":
        return UTC
    sign = -1 if zone[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6])))


@lru_cache(maxsize=4096)
def _instants(
    local: datetime, territories: tuple[str, ...], excluded: tuple[str, ...]
) -> tuple[datetime, ...]:
    """The instants that a local time is, in the territories; never none."""
    if not territories or WORLDWIDE in territories:
        territories = tuple(COUNTRIES - set(excluded))
    zones = {zone_of(territory) for territory in territories} or {"UTC"}
    return tuple({_instant(local, zone) for zone in zones})


def _instant(local: datetime, zone: str) -> datetime:
    try:
        return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except OverflowError:
        return local.replace(tzinfo=UTC)

"""Small readings that all parts of a message share: texts, defaults, dates, durations."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime

from lxml.etree import _Element as Element

_DURATION = re.compile(
    r"P(?:0+Y)?(?:0+M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII
)
_TRUE = ("true", "1")
_FALSE = ("false", "0")


def text(element: Element | None, path: str) -> str | None:
    """Text at a path, each white space as one blank; None where it is absent or empty."""
    found = None if element is None else element.findtext(path)
    return " ".join((found or "").split()) or None


def said(element: Element) -> str | None:
    """A code as its sender means it: `UserDefined` stands for its UserDefinedValue."""
    value = (element.text or "").strip()
    if value == "UserDefined":
        value = element.get("UserDefinedValue", value)
    return " ".join(value.split()) or None


def all_said(element: Element, *names: str) -> list[str]:
    """Codes of the children of these names, in order, without repetition."""
    values = [said(child) for child in element if child.tag in names]
    return list(dict.fromkeys(v for v in values if v))


def is_true(written: str | None) -> bool:
    """xs:boolean: `true` or `1`."""
    return (written or "").strip() in _TRUE


def in_doubt_true(element: Element, path: str) -> bool:
    """A flag that restricts: what is neither true nor false counts as true."""
    written = text(element, path)
    return written is not None and written not in _FALSE


def default(elements: Sequence[Element]) -> Element | None:
    """The one that counts everywhere: marked as default, else worldwide, else the first."""
    return next(
        (e for e in elements if is_true(e.get("IsDefault"))),
        next(
            (e for e in elements if e.get("ApplicableTerritoryCode") == "Worldwide"),
            elements[0] if elements else None,
        ),
    )


def places(element: Element) -> list[Element]:
    """Where properties may stand: the element itself (4.x) and its `…DetailsByTerritory` (3.x).

    Of several territories the worldwide one counts, else the first.
    """
    by_territory = [c for c in element if str(c.tag).endswith("DetailsByTerritory")]
    worldwide = [c for c in by_territory if text(c, "TerritoryCode") == "Worldwide"]
    return [element, *(worldwide or by_territory)[:1]]


def thinned(element: Element) -> Element:
    """A resource or release without the territories that nobody asks for.

    In 3.x each of thousands of tracks may name hundreds of them for one set of details; whether
    these are the worldwide ones is said by the first.
    """
    for child in element:
        if str(child.tag).endswith("DetailsByTerritory"):
            for code in child.findall("TerritoryCode")[1:]:
                child.remove(code)
    return element


def children(element: Element, name: str) -> list[Element]:
    """Children of that name at all places."""
    return [child for place in places(element) for child in place.findall(name)]


def value(element: Element, *paths: str) -> str | None:
    """The first text there is, by path and then by place, defaults before others."""
    for path in paths:
        found = default([e for e in children(element, path) if (e.text or "").strip()])
        if found is not None:
            return said(found)
    return None


def title(element: Element) -> tuple[str | None, str | None]:
    """Title and version title, as they are to be displayed."""
    titles = children(element, "DisplayTitle") or [
        t
        for kind in ("DisplayTitle", "FormalTitle", None)
        for t in children(element, "Title")
        if kind is None or t.get("TitleType") == kind
    ]
    chosen = default(titles) if element.find("DisplayTitle") is not None else None
    if chosen is None:
        chosen = next(iter([*titles, *element.findall("ReferenceTitle")]), None)
    sub_titles = (
        [] if chosen is None else [(e.text or "").strip() for e in chosen if e.tag == "SubTitle"]
    )
    main = text(chosen, "TitleText") or value(element, "DisplayTitleText")
    return main, " ".join(filter(None, sub_titles)) or None


def milliseconds(duration: str) -> int | None:
    """ISO 8601 duration (`PT3M45S`); None if it is none."""
    match = _DURATION.fullmatch(duration)
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    whole = round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000)
    return whole if whole < 2**31 else None


def instant(value: str) -> datetime | None:
    """ISO 8601 date (from its midnight) or date and time, in UTC where it names no offset."""
    try:
        read = datetime.fromisoformat(value)
        return (read.replace(tzinfo=UTC) if read.tzinfo is None else read).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def day(value: str) -> date | None:
    """ISO 8601 date, or the date of a date and time as it stands; None for a bare year."""
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None

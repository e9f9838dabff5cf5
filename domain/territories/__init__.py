"""Territories as senders write them, and their one normal form.

ERN's TerritoryCode may be an ISO 3166-1 or -2 code, a TIS number, a withdrawn code or Worldwide
(allowed value set CurrentTerritoryCode). Normal are `Worldwide`, an ISO 3166-1 alpha-2 code and an
ISO 3166-2 code (`US-NY`). What isn't known is said to be so: the caller closes what depends on it.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from domain.territories.countries import COUNTRIES, GROUPS, NUMBERS, WITHDRAWN
from domain.territories.zones import ZONES, zone_of

WORLDWIDE = "Worldwide"
_WORLD = {"WORLDWIDE", "WW", "WORLD", "2136", "2WL"}
_ALIASES = {"UK": "GB", "EL": "GR"}
_SUBDIVISION = re.compile(r"([A-Z]{2})-[A-Z0-9]{1,3}", re.ASCII)


@lru_cache(maxsize=4096)
def normalise(code: str) -> tuple[str, ...]:
    """The territories that a code means, in normal form; none for one that nobody knows.

    Groups and former states become the countries that they are today.
    """
    folded = code.strip().upper().replace("_", "-")
    if folded in _WORLD:
        return (WORLDWIDE,)
    folded = _ALIASES.get(folded, folded)
    number = folded.lstrip("0") if folded.isascii() and folded.isdecimal() else ""
    country = NUMBERS.get(int(number), "") if 0 < len(number) <= 3 else folded
    match = _SUBDIVISION.fullmatch(folded)
    if match is not None:
        country = _ALIASES.get(match[1], match[1])
        folded = country + folded[2:]
    if country in COUNTRIES:
        return (folded if match else country,)
    return tuple(WITHDRAWN.get(number or folded, "").split()) or GROUPS.get(number or folded, ())


def normalise_all(codes: Iterable[str]) -> tuple[list[str], list[str]]:
    """The normal forms of codes, each once, in order; and the codes that nobody knows."""
    known: dict[str, None] = {}
    unknown: list[str] = []
    for code in codes:
        found = normalise(code)
        known.update(dict.fromkeys(found))
        if not found:
            unknown.append(code)
    return list(known), unknown


def ask(code: str) -> str:
    """The normal form of a country or part of one that someone asks for, in any letter case.

    Raises ValueError saying what to ask for instead.
    """
    folded = code.strip().upper()
    found = normalise(folded)
    if found == (folded,):
        return folded
    if len(found) == 1 and found[0] != WORLDWIDE:
        raise ValueError(f"{code!r} is no code of ISO 3166: ask for {found[0]}")
    raise ValueError(f"{code!r} is no country of ISO 3166-1 (DE) or part of one (US-NY)")


__all__ = ["COUNTRIES", "WORLDWIDE", "ZONES", "ask", "normalise", "normalise_all", "zone_of"]

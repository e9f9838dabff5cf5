"""ISNI (ISO 27729): names a party, 16 characters checked by ISO 7064 mod 11-2."""

import re

from stdnum.iso7064 import mod_11_2

from domain.identifiers.judgement import Judgement, broken, compact

RULE = "an ISNI has 15 digits and a digit or X: 0000 0001 2281 955X"
_URL = re.compile(r"https?://(?:www\.)?isni\.org/(?:isni/)?([^/?#]*)/?", re.IGNORECASE)
_SHAPE = re.compile(r"(?:ISNI:?)?([0-9]{15}[0-9X])")


def judge(raw: str) -> Judgement:
    """Sixteen characters, without separators, an `ISNI ` prefix or the address of isni.org."""
    url = _URL.fullmatch(raw.strip())
    match = _SHAPE.fullmatch(compact(url[1] if url else raw, " -").upper())
    if match is None:
        return broken(raw.strip(), RULE)
    value = match[1]
    check = mod_11_2.calc_check_digit(value[:-1])
    if value[-1] != check:
        return broken(value, f"the check character should be {check}, not {value[-1]}")
    return Judgement(value)

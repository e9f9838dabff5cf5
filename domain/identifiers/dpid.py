"""DDEX Party Id: names a party. ISO 7064 mod 37,36 over the whole, as registered ids show."""

import re

from stdnum.iso7064 import mod_37_36

from domain.identifiers.judgement import Judgement, broken, compact

RULE = "a DDEX Party Id is PADPIDA and 11 letters and digits: PADPIDA2007050901U"
_SHAPE = re.compile(r"(?:DPID:?)?(PADPIDA[A-Z0-9]{11})")


def judge(raw: str) -> Judgement:
    """Upper case, without separators (`PA-DPIDA-2007050901-U`) or a `DPID:` prefix."""
    match = _SHAPE.fullmatch(compact(raw, " -").upper())
    if match is None:
        return broken(raw.strip(), RULE)
    value = match[1]
    check = mod_37_36.calc_check_digit(value[:-1])
    if value[-1] != check:
        return broken(value, f"the check character should be {check}, not {value[-1]}")
    return Judgement(value)

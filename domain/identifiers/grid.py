"""GRid (IFPI Global Release Identifier): 18 characters, checked by ISO 7064 mod 37,36."""

import re

from stdnum import grid
from stdnum.iso7064 import mod_37_36

from domain.identifiers.judgement import Judgement, broken

RULE = "a GRid has 18 letters and digits: A1-2425G-ABC1234002-M"
_SHAPE = re.compile(r"[A-Z0-9]{18}")


def judge(raw: str) -> Judgement:
    """Upper case, without separators or a `GRid:` prefix."""
    value = grid.compact(raw)
    if _SHAPE.fullmatch(value) is None:
        return broken(raw.strip(), RULE)
    check = mod_37_36.calc_check_digit(value[:-1])
    if value[-1] != check:
        return broken(value, f"the check character should be {check}, not {value[-1]}")
    return Judgement(value)

"""ISRC (ISO 3901): names a recording. No check digit.

python-stdnum is not asked for the verdict: it refuses real codes whose prefix it does not know.
"""

import re
from functools import cache

from stdnum import isrc
from stdnum.exceptions import InvalidComponent

from domain.identifiers.judgement import Judgement, broken, compact

RULE = "an ISRC is a prefix of 2 letters, 3 letters or digits, then 7 digits: USSKG1912345"
_SHAPE = re.compile(r"(?:ISRC:?)?([A-Z]{2}[A-Z0-9]{3}[0-9]{7})")


def judge(raw: str) -> Judgement:
    """Upper case, without separators or an `ISRC ` prefix; an unknown country prefix is noted."""
    match = _SHAPE.fullmatch(compact(raw, " -.").upper())
    if match is None:
        return broken(raw.strip(), RULE)
    value = match[1]
    if not _is_known(value[:2]):
        return Judgement(value, f"no ISRC agency is known for the prefix {value[:2]}")
    return Judgement(value)


@cache
def _is_known(prefix: str) -> bool:
    try:
        isrc.validate(f"{prefix}AAA0000000")
    except InvalidComponent:
        return False
    return True

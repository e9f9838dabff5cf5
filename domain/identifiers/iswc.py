"""ISWC (ISO 15707): names a musical work. python-stdnum does not have it."""

import re

from domain.identifiers.judgement import Judgement, broken, compact

RULE = "an ISWC is T, 9 digits and a check digit: T-034.524.680-1"
_SHAPE = re.compile(r"(?:ISWC:?)?(T[0-9]{10})")


def judge(raw: str) -> Judgement:
    """`T` and ten digits, without separators or an `ISWC ` prefix."""
    match = _SHAPE.fullmatch(compact(raw, " -.").upper())
    if match is None:
        return broken(raw.strip(), RULE)
    value = match[1]
    check = check_digit(value[1:-1])
    if value[-1] != check:
        return broken(value, f"the check digit should be {check}, not {value[-1]}")
    return Judgement(value)


def check_digit(digits: str) -> str:
    """Check digit over the nine digits after the T: (10 − (1 + Σ i·dᵢ) mod 10) mod 10."""
    total = 1 + sum(i * int(digit) for i, digit in enumerate(digits, start=1))
    return str((10 - total % 10) % 10)

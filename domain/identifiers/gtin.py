"""GTIN (GS1): the barcode of a release, written as UPC-A, EAN-13, JAN, GTIN-14 or EAN-8.

Leading zeros do not change the number, so its one form here is 14 digits.
"""

import re

from stdnum import ean

from domain.identifiers.judgement import Judgement, broken, compact

RULE = "a barcode (UPC, EAN, GTIN) has 8, 12, 13 or 14 digits"
_SHAPE = re.compile(r"[0-9]{8}|[0-9]{12,14}")


def judge(raw: str) -> Judgement:
    """Zero-filled to 14 digits, also where the check digit (mod 10) is wrong."""
    digits = compact(raw, " -")
    if _SHAPE.fullmatch(digits) is None:
        return broken(raw.strip(), RULE)
    value = digits.zfill(14)
    check_digit = ean.calc_check_digit(value[:-1])
    if value[-1] != check_digit:
        return broken(value, f"the check digit should be {check_digit}, not {value[-1]}")
    return Judgement(value)

"""Catalogue numbers and proprietary ids: any text, with a meaning only in its namespace."""

from domain.identifiers.judgement import Judgement, broken

RULE = "it must not be empty"


def judge(raw: str) -> Judgement:
    """Trimmed, with each run of white space as one space; letter case is kept."""
    value = " ".join(raw.split())
    return Judgement(value) if value else broken(value, RULE)

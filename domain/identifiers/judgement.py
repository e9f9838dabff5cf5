"""What a scheme says of a written value: the shape that all its modules answer in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Judgement:
    """A value as its scheme normalises it, and what is wrong with it."""

    value: str
    """Normal form where the value has the scheme's shape, else what was written, trimmed."""
    flaw: str | None = None
    """The rule that the value breaks, or what is odd about it."""
    is_valid: bool = True
    """False where the flaw breaks the scheme's own rule."""


def broken(value: str, flaw: str) -> Judgement:
    """Judge a value that breaks its scheme's rule."""
    return Judgement(value, flaw, is_valid=False)

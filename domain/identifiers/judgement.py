"""What a scheme says of a written value: the shape that all its modules answer in."""

from dataclasses import dataclass

from stdnum.util import clean


@dataclass(frozen=True, slots=True)
class Judgement:
    """A value as its scheme normalises it, and what is wrong with it."""

    value: str
    """Normal form where the value has the scheme's shape, else what was written, trimmed."""
    validation_error: str | None = None
    """The rule that the value breaks, or what is odd about it."""
    is_valid: bool = True
    """False where the error breaks the scheme's own rule."""


def compact(raw: str, separators: str) -> str:
    """A number without its separators, whichever of Unicode's dashes and digits it is written with.

    Most are written well, and stdnum's `clean` takes longer than all the rest of a judgement.
    """
    return raw if raw.isascii() and raw.isalnum() else clean(raw, separators)


def broken(value: str, validation_error: str) -> Judgement:
    """Judge a value that breaks its scheme's rule."""
    return Judgement(value, validation_error, is_valid=False)

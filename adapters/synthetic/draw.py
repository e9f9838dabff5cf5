"""Chance that can be asked again: a number drawn for (seed, what, row, revision), as columns.

A counter-based generator (the mixing function of SplitMix64, Steele et al. 2014) rather than a
stateful one: a row can be drawn alone, in any order, in any chunk or process.
"""

import hashlib

import polars as pl

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
PARTS = 10_000


def draw(seed: int, what: str, number: pl.Expr, revision: pl.Expr | None = None) -> pl.Expr:
    """Draw 64 bits (UInt64) for each row; `what` keeps the draws of one row apart."""
    digest = hashlib.blake2b(f"{seed}/{what}".encode(), digest_size=8).digest()
    drawn = _mixed(number.cast(pl.UInt64) + _whole(int.from_bytes(digest, "big")))
    if revision is None:
        return drawn
    return _mixed(drawn ^ revision.cast(pl.UInt64))


def chance(drawn: pl.Expr, share: float) -> pl.Expr:
    """Whether a draw falls into a share (0 to 1, in steps of 1/10,000)."""
    return drawn % _whole(PARTS) < _whole(round(share * PARTS))


def below(drawn: pl.Expr, size: int | pl.Expr) -> pl.Expr:
    """Whole number from 0 to size - 1, evenly."""
    return drawn % (_whole(size) if isinstance(size, int) else size.cast(pl.UInt64))


def newest_of(drawn: pl.Expr, size: int | pl.Expr) -> pl.Expr:
    """Whole number from 0 to size - 1, skewed to the last: half of them in the newest eighth."""
    unit = (drawn // _whole(1 << 11)).cast(pl.Float64) / float(1 << 53)
    back = (unit * unit * unit * size).floor().cast(pl.UInt64)
    return (_whole(size) if isinstance(size, int) else size.cast(pl.UInt64)) - _whole(1) - back


def one_of(values: list[str], drawn: pl.Expr) -> pl.Expr:
    """One of some texts."""
    return pl.lit(pl.Series(values)).gather(below(drawn, len(values)))


def _mixed(number: pl.Expr) -> pl.Expr:
    """SplitMix64's step; unsigned arithmetic wraps."""
    z = number + _whole(_GOLDEN)
    z = (z ^ (z // _whole(1 << 30))) * _whole(_FIRST)
    z = (z ^ (z // _whole(1 << 27))) * _whole(_SECOND)
    return z ^ (z // _whole(1 << 31))


def _whole(value: int) -> pl.Expr:
    return pl.lit(value & _MASK, pl.UInt64)

"""Frames that hold no more memory than their rows."""

import polars as pl
from polars import CompatLevel


def compact(frame: pl.DataFrame) -> pl.DataFrame:
    """Copy a frame's texts: those of a filtered one keep the memory of all that it was made of, and
    on a disk they take its room."""
    return pl.DataFrame(frame.to_arrow(compat_level=CompatLevel.oldest()))

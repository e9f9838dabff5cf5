"""Rows put aside on a disk while a partition is read whole."""

from collections.abc import Iterator
from typing import Protocol

import polars as pl


class Spool(Protocol):
    """Rows of one shape on their way, put aside on a disk. Gone with its process."""

    def add(self, frame: pl.DataFrame) -> None:
        """Put a frame behind those that are there."""
        ...

    def read(self) -> Iterator[pl.DataFrame]:
        """All rows, in order, in frames that may be cut elsewhere."""
        ...

    def close(self) -> None:
        """Give the room back."""
        ...

"""A spool in memory."""

from collections.abc import Iterator

import polars as pl


class MemorySpool:
    """Implements `projections.ports.spool.Spool`."""

    def __init__(self) -> None:
        self._frames: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame) -> None:
        """See the port."""
        self._frames.append(frame)

    def read(self) -> Iterator[pl.DataFrame]:
        """See the port."""
        return iter(self._frames)

    def close(self) -> None:
        """See the port."""
        del self._frames

"""A spool in a file without a name: whatever ends its process, nothing is left of it.

It lies in the system's folder for temporary files (`TMPDIR`). Implements `projections.ports.Spool`.
"""

import io
import tempfile
from collections.abc import Iterator

import polars as pl


class DiskSpool:
    """Frames as Arrow IPC, one behind the other."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="catalog-spool-")  # noqa: SIM115
        self._sizes: list[int] = []

    def add(self, frame: pl.DataFrame) -> None:
        """See the port. Raises OSError where there is no room left."""
        bytes_ = frame.write_ipc(None, compression="uncompressed").getbuffer()
        self._file.write(bytes_)
        self._sizes.append(len(bytes_))

    def read(self) -> Iterator[pl.DataFrame]:
        """See the port."""
        at = 0
        for size in self._sizes:
            self._file.seek(at)
            yield pl.read_ipc(io.BytesIO(self._file.read(size)))
            at += size

    def close(self) -> None:
        """See the port."""
        self._file.close()

"""A spool in a file without a name: whatever ends its process, nothing is left of it.

It lies in the system's folder for temporary files (`TMPDIR`). Implements
`projections.ports.spool.Spool`.
"""

import tempfile
from collections.abc import Iterator

import polars as pl
import pyarrow as pa
from polars import CompatLevel


class DiskSpool:
    """Frames as one Arrow stream, in polars' own form: writing and reading it converts nothing."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="catalog-spool-")  # noqa: SIM115
        self._writer: pa.RecordBatchStreamWriter | None = None

    def add(self, frame: pl.DataFrame) -> None:
        """See the port. Raises OSError where there is no room left."""
        table = frame.to_arrow(compat_level=CompatLevel.newest())
        if self._writer is None:
            self._writer = pa.ipc.new_stream(self._file, table.schema)
        self._writer.write_table(table)

    def read(self) -> Iterator[pl.DataFrame]:
        """See the port."""
        if self._writer is None:
            return
        self._file.flush()
        self._file.seek(0)
        for batch in pa.ipc.open_stream(self._file):
            yield pl.DataFrame(batch)

    def close(self) -> None:
        """See the port."""
        self._file.close()

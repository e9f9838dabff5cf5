"""What every spool promises: rows come back in order, as often as one likes."""

from collections.abc import Callable

import polars as pl
import pytest

from adapters.read_database.spool import DiskSpool
from projections.ports.spool import Spool
from tests.projections.engine.memory_spool import MemorySpool

FRAMES = [
    pl.DataFrame({"id": ["a", None], "tags": [["x", "y"], None]}),
    pl.DataFrame({"id": [], "tags": []}, schema={"id": pl.String, "tags": pl.List(pl.String)}),
    pl.DataFrame({"id": ["Où 🎧"], "tags": [[]]}, schema_overrides={"tags": pl.List(pl.String)}),
]


@pytest.mark.parametrize("kind", [MemorySpool, DiskSpool])
def test_rows_come_back_in_order(kind: Callable[[], Spool]) -> None:
    spool = kind()
    assert list(spool.read()) == []
    for frame in FRAMES:
        spool.add(frame)
    for _ in range(2):
        assert pl.concat(spool.read()).equals(pl.concat(FRAMES))
    spool.close()

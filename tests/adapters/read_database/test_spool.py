"""What is put into a spool comes out, in order, and no file is ever seen of it."""

from pathlib import Path

import polars as pl
import pytest

from adapters.read_database.spool import DiskSpool


def test_rows_come_back_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    spool = DiskSpool()
    assert list(spool.read()) == []
    frames = [
        pl.DataFrame({"id": ["a", None], "tags": [["x", "y"], None]}),
        pl.DataFrame({"id": [], "tags": []}, schema={"id": pl.String, "tags": pl.List(pl.String)}),
        pl.DataFrame(
            {"id": ["Où 🎧"], "tags": [[]]}, schema_overrides={"tags": pl.List(pl.String)}
        ),
    ]
    for frame in frames:
        spool.add(frame)
    for _ in range(2):  # as often as one likes
        assert pl.concat(spool.read()).equals(pl.concat(frames))
    assert list(tmp_path.iterdir()) == []
    spool.close()

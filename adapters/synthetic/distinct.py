"""Columns of few distinct values: what costs a Python call is done per value, not per row."""

import polars as pl


def coded(column: pl.Series) -> tuple[list[object], pl.Series]:
    """Distinct values (None among them where it occurs) and, for each row, which one it has."""
    groups = (
        column.alias("value")
        .to_frame()
        .with_row_index("row")
        .group_by("value", maintain_order=True)
        .agg("row")
        .with_row_index("code")
    )
    codes = groups.select("code", "row").explode("row").sort("row")["code"]
    return groups["value"].to_list(), codes

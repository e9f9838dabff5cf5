"""Compares two sides of one topic: the newest states in the log, and what the master holds.

Neither side is ever whole in memory. Both are spooled in buckets by a hash of the id, and a bucket
of one side is joined with the same one of the other.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Self

import polars as pl

from projections.audit.states import SCHEMA, newest
from projections.ports.spool import Spool

PER_BUCKET = 500_000
"""Rows that a bucket is made for: some 60 MB while two of them are joined."""

DIFFERING = pl.Schema({**SCHEMA, "wanted": pl.UInt64()})
"""`digest` is what the log says, null where it knows no such row (any more); `wanted` is what the
master says, null where it has no such row. `partition` and `offset` are those of the newest event,
null where there is none."""


class Side:
    """States of one side, spooled in buckets. A context: leaving it gives the room back."""

    def __init__(self, spool: Callable[[], Spool], rows: int) -> None:
        """`rows` is about how many will come at most; it decides only the number of buckets."""
        self._stack = ExitStack()
        count = 1 + rows // PER_BUCKET
        self._buckets = [self._stack.enter_context(closing(spool())) for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, states: pl.DataFrame) -> None:
        """Put states (`SCHEMA`) to the others."""
        if len(self._buckets) == 1:
            self._buckets[0].add(states)
            return
        placed = states.with_columns(
            (pl.col("id").hash(seed=2) % len(self._buckets)).alias("bucket")
        )
        for (number,), part in placed.partition_by(
            "bucket", as_dict=True, include_key=False
        ).items():
            self._buckets[number].add(part)

    def buckets(self) -> Iterator[pl.DataFrame]:
        """The newest state of each id, a bucket at a time."""
        for bucket in self._buckets:
            yield newest(list(bucket.read()))


def differing(log: Side, master: Side) -> Iterator[pl.DataFrame]:
    """Rows (`DIFFERING`) in which the sides differ, a bucket at a time. Both sides must have been
    made for the same number of rows."""
    for ours, theirs in zip(log.buckets(), master.buckets(), strict=True):
        yield differences(ours, theirs)


def differences(log: pl.DataFrame, master: pl.DataFrame) -> pl.DataFrame:
    """Rows (`DIFFERING`) in which two frames of newest states (`SCHEMA`) differ."""
    wanted = master.select("id", pl.col("digest").alias("wanted"))
    joined = log.join(wanted, on="id", how="full", coalesce=True)
    return joined.filter(pl.col("digest").ne_missing(pl.col("wanted"))).select(DIFFERING.names())

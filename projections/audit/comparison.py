"""Compares two sides of one topic: the newest states in the log, and what the master holds.

Neither side is ever whole in memory. Both are spooled in buckets by a hash of the id, and a part of
a bucket of one side is joined with the same one of the other. Buckets are files, so there are not
many: of larger tables a bucket is read once for each of its parts.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Self

import polars as pl

from projections.audit.states import SCHEMA, newest
from projections.compaction import compact
from projections.ports.spool import Spool

PER_PART = 50_000
"""Rows that are compared at once: some 20 MB while two such parts are joined."""
MOST_BUCKETS = 64
"""Files of a side; a table has two or four sides, and a process often no more than 1,024 files."""

DIFFERING = pl.Schema({**SCHEMA, "wanted": pl.UInt64()})
"""`digest` is what the log says, null where it knows no such row (any more); `wanted` is what the
master says, null where it has no such row. `partition` and `offset` are those of the newest event,
null where there is none."""


class Side:
    """States of one side, spooled in buckets. A context: leaving it gives the room back."""

    def __init__(self, spool: Callable[[], Spool], rows: int) -> None:
        """`rows` is about how many will come at most; it decides only the number of buckets."""
        self._stack = ExitStack()
        count = min(MOST_BUCKETS, 1 + rows // PER_PART)
        self._buckets = [self._stack.enter_context(closing(spool())) for _ in range(count)]
        self.sizes = [0] * count
        """Rows of each bucket."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, states: pl.DataFrame) -> None:
        """Put states (`SCHEMA`) to the others."""
        if len(self._buckets) == 1:
            self._put(0, states)
            return
        placed = states.with_columns(_number(2, len(self._buckets)).alias("bucket"))
        for (number,), some in placed.partition_by(
            "bucket", as_dict=True, include_key=False
        ).items():
            self._put(number, compact(some))

    def part(self, bucket: int, number: int, count: int) -> pl.DataFrame:
        """The newest state of each id in one of `count` parts of a bucket."""
        frames = self._buckets[bucket].read()
        if count == 1:
            return newest(list(frames))
        of_part = _number(3, count) == number
        return newest([compact(frame.filter(of_part)) for frame in frames])

    def _put(self, bucket: int, states: pl.DataFrame) -> None:
        self._buckets[bucket].add(states)
        self.sizes[bucket] += states.height


def _number(seed: int, count: int) -> pl.Expr:
    """A number below `count` of each id: another one with each seed."""
    return pl.col("id").hash(seed=seed) % count


def differing(log: Side, master: Side) -> Iterator[pl.DataFrame]:
    """Rows (`DIFFERING`) in which the sides differ, a part at a time. Both sides must have been
    made for the same number of rows."""
    for bucket, sizes in enumerate(zip(log.sizes, master.sizes, strict=True)):
        count = 1 + max(sizes) // PER_PART
        for number in range(count):
            yield differences(log.part(bucket, number, count), master.part(bucket, number, count))


def differences(log: pl.DataFrame, master: pl.DataFrame) -> pl.DataFrame:
    """Rows (`DIFFERING`) in which two frames of newest states (`SCHEMA`) differ."""
    wanted = master.select("id", pl.col("digest").alias("wanted"))
    joined = log.join(wanted, on="id", how="full", coalesce=True)
    return joined.filter(pl.col("digest").ne_missing(pl.col("wanted"))).select(DIFFERING.names())

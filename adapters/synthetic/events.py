"""Synthetic rows as the events that translation would make of them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

import polars as pl

from adapters.synthetic.catalog import Batch
from domain.events import EVENT_TYPES, Event

_COMMITS_FROM = datetime(2026, 1, 1, tzinfo=UTC)
_IN_TRANSACTION = 50
"""Changes a transaction of the imagined master."""
_BEFORE_STATE = ("event_id", "id", "origin", "changed")


@dataclass
class Numbering:
    """Counts the changes of each master table, as offsets of its capture topic would."""

    made: dict[str, int] = field(default_factory=dict)

    def take(self, table: str, count: int) -> int:
        """First of `count` numbers."""
        first = self.made.get(table, 0)
        self.made[table] = first + count
        return first


def events_of(batch: Batch, seed: int, numbering: Numbering) -> tuple[type[Event], pl.DataFrame]:
    """The event type of a batch, and the fields of its events as columns."""
    table = batch.source.table
    first = numbering.take(table, batch.rows.height)
    state = [name for name in batch.rows.columns if name != "id"]
    number = pl.int_range(first, first + batch.rows.height, dtype=pl.Int64)
    text = number.cast(pl.String)
    instant = pl.lit(_COMMITS_FROM).dt.cast_time_unit("us") + pl.duration(
        seconds=number // _IN_TRANSACTION
    )
    made = batch.rows.with_columns(
        pl.concat_str(pl.lit(f"master.public.{table}/0/"), text, pl.lit("/0")).alias("event_id"),
        pl.struct(
            table=pl.lit(table),
            position=text.str.zfill(12),
            transaction=(number // _IN_TRANSACTION).cast(pl.String),
            committed_at=instant,
            message=pl.lit(message_id(seed)),
        ).alias("origin"),
        _revised(batch) if batch.is_update else pl.lit(None).alias("changed"),
    )
    if not batch.is_update:
        made = _all_that_is_set(made, state)
    added, changed = _state_types(batch.source.subject)
    return (changed if batch.is_update else added), made.select(*_BEFORE_STATE, *state)


def message_id(seed: int) -> str:
    """`ern_message.id` of the imagined feed that all rows of a seed come from."""
    return f"syn:{seed}"


def _revised(batch: Batch) -> pl.Expr:
    names = sorted(batch.source.revised)
    return pl.lit(pl.Series([names], dtype=pl.List(pl.String))).first().alias("changed")


def _all_that_is_set(made: pl.DataFrame, state: list[str]) -> pl.DataFrame:
    """With `changed`: the names of all fields that are set."""
    ordered = sorted(state)
    mask = pl.sum_horizontal(
        pl.col(name).is_not_null().cast(pl.Int64) * (1 << place)
        for place, name in enumerate(ordered)
    )
    masked = made.drop("changed").with_columns(mask=mask)
    names = masked.select(pl.col("mask").unique())
    listed = [
        [name for place, name in enumerate(ordered) if found >> place & 1]
        for found in names["mask"]
    ]
    changed = pl.Series("changed", listed, dtype=pl.List(pl.String))
    return masked.join(names.with_columns(changed), on="mask", how="left", maintain_order="left")


@cache
def _state_types(subject: str) -> tuple[type[Event], type[Event]]:
    """The event types of a new and of a changed row: each subject's first two."""
    added, changed, *_ = (event for event in EVENT_TYPES if subject == event.SUBJECT)
    return added, changed

"""What a read model is made of: tables, and for each topic the handlers that fill one of them.

A read model is a folder beside `projections/catalog`: it says what to make of the events, and the
engine (`projections/engine`) does everything else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl
from sqlalchemy import Table
from sqlmodel import SQLModel

from domain.events import topic_of
from projections.column_types import column_type
from projections.ports.event_log import TopicPartition

Handler = Callable[[pl.DataFrame], pl.DataFrame]
"""All events of one type of a batch → rows of the table: its columns (id, event_id,
event_partition and event_offset among them) and `_removed` (bool). Pure: same events, same rows.
Raises on events that it can't use; the engine finds out which."""


@dataclass(frozen=True)
class Selection:
    """A handler that only selects: what it looks at is known, and the rest needn't be decoded."""

    columns: tuple[pl.Expr, ...]

    def __call__(self, events: pl.DataFrame) -> pl.DataFrame:
        """Select; the engine brings the columns to the table's types."""
        return events.select(self.columns)

    @cached_property
    def fields(self) -> frozenset[str]:
        """Columns of the events' frame that it looks at."""
        return frozenset(name for one in self.columns for name in one.meta.root_names())


EVENT_COLUMNS = ("event_id", "event_partition", "event_offset")
"""Columns of every read table: the event that last wrote the row."""
REMOVED = "_removed"
"""Column of a handler's frame: the row is gone. Only id and event columns matter then."""


@dataclass(frozen=True)
class Projection:
    """One topic into one table."""

    subject: str
    """Subject of the events; the topic is `catalog.<subject>`."""
    table: type[SQLModel]
    """A SQLModel table with the primary key `id` (text) and `EVENT_COLUMNS`."""
    handlers: Mapping[str, Handler]
    """Event name → handler."""

    def __post_init__(self) -> None:
        """Raises UnknownColumnType where a column of the table is of a type that no store gets."""
        for column in self.sql.columns:
            column_type(column.type, str(column))

    @property
    def fields(self) -> frozenset[str] | None:
        """Fields of the events that the handlers look at; None where that isn't known of each."""
        known = [handler for handler in self.handlers.values() if isinstance(handler, Selection)]
        if len(known) < len(self.handlers):
            return None
        return frozenset[str]().union(*(handler.fields for handler in known))

    @property
    def topic(self) -> str:
        """Name of the topic."""
        return topic_of(self.subject)

    @property
    def sql(self) -> Table:
        """The SQLAlchemy table."""
        table: Table = self.table.__table__  # type: ignore[attr-defined]
        return table


def answer(schema: str, statement: str) -> str:
    """A statement over a read model's `schema` whose rows begin with `generation`: the number of
    the one that it reads.

    The view that says so is named before any table, so that a switch waits for the statement's end
    or the statement for the switch's, and neither for the other while it holds something.
    """
    return f"""SELECT g.number AS generation, s.*
        FROM {schema}.generation g CROSS JOIN ({statement}) s"""


@dataclass(frozen=True)
class ReadModel:
    """Projections that are built, verified and switched together."""

    name: str
    schema: str
    """Schema of the live generation; others are called `<schema>_g<number>`."""
    migration_branch: str
    projections: tuple[Projection, ...]

    def __post_init__(self) -> None:
        """Raises ValueError where two projections are of one topic or one table: partitions are
        filled, and checkpoints moved, for one table each."""
        for what, names in (
            ("topic", [projection.topic for projection in self.projections]),
            ("table", [projection.sql.name for projection in self.projections]),
        ):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(
                    f"read model {self.name!r} names {what} {', '.join(twice)} twice: a read model "
                    "has one projection per topic; make a second read model for another table"
                )

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics read, in the order of the projections."""
        return tuple(projection.topic for projection in self.projections)

    def known(self, positions: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Positions in topics that it reads: generations of another release of it may have
        others."""
        topics = set(self.topics)
        return {partition: at for partition, at in positions.items() if partition[0] in topics}

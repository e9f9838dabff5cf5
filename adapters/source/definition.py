"""What a source is: its database, its tables, how their changes come, and its mappings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

CONNECTORS = ("postgresql", "mariadb", "mysql", "sqlserver", "oracle", "none")
"""Debezium's, by the name that their records carry; `none`: the topics exist already."""
_TOPIC = {
    "postgresql": "{topics}.{schema}.{table}",
    "mariadb": "{topics}.{database}.{table}",
    "mysql": "{topics}.{database}.{table}",
    "sqlserver": "{topics}.{database}.{schema}.{table}",
    "oracle": "{topics}.{schema}.{table}",
    "none": "{topics}.{table}",
}
"""Debezium's topic names, by connector (its documentation of each: "Topic names")."""


@dataclass(frozen=True)
class SourceTable:
    """A table of the source."""

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column → PostgreSQL type of the replica; empty where the source itself is asked."""
    original: str = ""
    """What the source calls it, where the replica folds names; else empty."""
    topic: str = ""
    """Its topic, where that isn't named as the others' are."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Column → ms, us or ns: of times that come as integers, in records without a schema."""

    @property
    def of_source(self) -> str:
        """What the source calls it."""
        return self.original or self.name


@dataclass(frozen=True)
class MappingFile:
    """The SELECT of one master table."""

    master: str
    """Table of the master catalog that its rows go to."""
    text: str
    affects: Mapping[str, str] = field(default_factory=dict)
    """Source table → SELECT of the ids that its rows affect, where that can't be derived. It names
    the changed rows `changed`, and is asked before and after they are applied."""
    whole: frozenset[str] = frozenset()
    """Source tables of which any change makes the mapping be evaluated whole."""
    every: float | None = None
    """Seconds between two whole evaluations at least; None: each change asks for one."""


@dataclass(frozen=True)
class Source:
    """A foreign master and how it is mapped."""

    name: str
    tables: Mapping[str, SourceTable]
    mappings: Mapping[str, MappingFile]
    connector: str = "postgresql"
    """One of CONNECTORS."""
    database: str | None = None
    """Name of its database at its server, which is part of some topics' names."""
    schema: str = "public"
    """Schema of its tables in that database."""
    topics: str = ""
    """Prefix of its topics."""
    topic: str | None = None
    """How a table's topic is called: {topics}, {database}, {schema} and {table} are put in. None:
    as its connector names them."""
    registry: str | None = None
    """Address of the schema registry of its records; None: that of the chain."""
    exactly_once: bool = True
    """Changes without a position are refused. False: records are taken in as they come, so that
    they may come twice, and a tombstone removes its key."""
    lenient: bool = False
    """A column that its records lack is null; otherwise it stops its topic."""
    connector_settings: Mapping[str, str] = field(default_factory=dict)
    """What its connector is told beside, or instead of, what we tell it."""

    @property
    def replica(self) -> str:
        """Schema of the master database that holds its tables as they are."""
        return f"source_{self.name}"

    @property
    def mark(self) -> str:
        """`message_id` of the master rows that come of it."""
        return f"source:{self.name}"

    @property
    def fingerprint(self) -> str:
        """Differs where anything does that is defined."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()

    def collection_of(self, table: str) -> str:
        """What Debezium's signals call a table (its documentation, "data-collections")."""
        known = {
            "mariadb": (self.database,),
            "mysql": (self.database,),
            "sqlserver": (self.database, self.schema),
            "oracle": (self.database, self.schema),
        }
        places = known.get(self.connector, (self.schema,))
        return ".".join([*(place or "" for place in places), self.tables[table].of_source])

    def topic_of(self, table: str) -> str:
        """The topic of a table's changes."""
        of = self.tables[table]
        if of.topic:
            return of.topic
        pattern = _TOPIC[self.connector] if self.topic is None else self.topic
        return pattern.format(
            topics=self.topics, database=self.database, schema=self.schema, table=of.of_source
        )


def fold(connector: str, name: str) -> str:
    """A name as the replica has it: in lower case, so that a SELECT needs no quotes.

    Names of a PostgreSQL source stay as they are: there a capital letter is meant.
    """
    return name if connector == "postgresql" else name.lower()

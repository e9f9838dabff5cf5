"""A source: brought up, kept up, changed, removed. Each step may be repeated after a kill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from adapters.event_log.avro.wire import SchemaTexts
from adapters.ingestion.master import writer
from adapters.source import batch, register, replica
from adapters.source.definition import Source
from adapters.source.inspection import Columns
from adapters.source.mapping import MasterMapping, prepare
from adapters.source.records import KnownTable, SourceReader
from adapters.source.replicator import Taken, positions, take_in
from projections.ports.event_log import EventLog, RecordBatch, TopicPartition


def topics_of(source: Source) -> list[str]:
    """The topic of each of its tables."""
    return [source.topic_of(table) for table in source.tables]


@dataclass(frozen=True)
class BroughtUp:
    """A source whose replica is there."""

    mappings: list[MasterMapping]
    """Ready, owners before what they own."""
    grown: list[str]
    """Tables that got columns, whose rows must be captured once more."""


def bring_up(
    connection: psycopg.Connection,
    source: Source,
    columns: Columns,
    files: Mapping[str, str] | None = None,
) -> BroughtUp:
    """Make the replica and its indexes, and remember the definition by its files.

    Raises Misconfigured.
    """
    mappings = prepared(source, columns)
    with connection.transaction():
        writer.lock(connection)
        grown = replica.create(connection, source, columns)
        replica.index(connection, source, mappings)
        if files is not None:
            register.define(connection, source, files)
    return BroughtUp(mappings, grown)


def prepared(source: Source, columns: Columns) -> list[MasterMapping]:
    """The mappings, analysed, owners before what they own. Raises Misconfigured."""
    return batch.in_order(
        prepare(file, {table: list(of) for table, of in columns.items()})
        for file in source.mappings.values()
    )


def replicated(connection: psycopg.Connection, source: Source) -> Columns:
    """Table → column → type, as the replica has them."""
    return {table: replica.columns_of(connection, source, table) for table in source.tables}


def reader_of(
    connection: psycopg.Connection,
    source: Source,
    schemas: SchemaTexts | None = None,
    partitions: Mapping[str, int] | None = None,
) -> SourceReader:
    """A reader of its records, by the types that the replica has.

    `schemas` is the registry of records in Avro, if there is one. `partitions`: how many each topic
    has; None: one.
    """
    many = {topic for topic, number in (partitions or {}).items() if number > 1}
    return SourceReader(
        {
            table.name: KnownTable(
                table.key,
                replica.columns_of(connection, source, table.name),
                table.units,
                replica.late_columns(connection, source, table.name),
                source.topic_of(table.name) not in many,
            )
            for table in source.tables.values()
        },
        topics=dict(zip(topics_of(source), source.tables, strict=True)),
        schemas=schemas,
        is_exactly_once=source.exactly_once,
        is_lenient=source.lenient,
    )


def catch_up(
    connection: psycopg.Connection,
    source: Source,
    mappings: Sequence[MasterMapping],
    log: EventLog,
    schemas: SchemaTexts | None = None,
    report: Callable[[int], None] = lambda rows: None,
) -> Taken:
    """Take in what the topics hold now, up to their ends.

    Only mappings that are applied follow; `settle` applies the others. Raises Overtaken where
    another process takes the same records in. `report` gets how many changes were taken in.
    """
    following = applied(connection, source, mappings)
    at = dict(positions(connection, source))
    until = {partition: bounds.end for partition, bounds in log.bounds(topics_of(source)).items()}
    reader = reader_of(connection, source, schemas, Counter(topic for topic, _ in until))
    total = Taken()
    for batches in log.replay(at, until):
        for given in _going_on(batches, total.stopped):
            partition = (given.topic, given.partition)
            begun = {partition: at.get(partition, 0)}
            taken = take_in(connection, source, following, reader, [given], begun)
            at[partition] = given.next_offset
            total = _sum(total, taken)
            report(total.rows)
    return total


def _going_on(
    batches: Sequence[RecordBatch], stopped: Mapping[TopicPartition, str]
) -> list[RecordBatch]:
    return [b for b in batches if (b.topic, b.partition) not in stopped]


def _sum(one: Taken, other: Taken) -> Taken:
    return Taken(
        one.written + other.written,
        one.rows + other.rows,
        one.repeats + other.repeats,
        one.stopped | other.stopped,
    )


def applied(
    connection: psycopg.Connection, source: Source, mappings: Sequence[MasterMapping]
) -> list[MasterMapping]:
    """Those mappings whose rows stand in the master tables as they are now written."""
    known = _fingerprints(connection, source)
    return [m for m in mappings if known.get(m.master) == m.fingerprint]


def unusable(connection: psycopg.Connection, source: Source) -> dict[str, int]:
    """Master table → how many rows of its mapping can't be used."""
    return dict(
        connection.execute(
            sql.SQL("SELECT master, count(*) FROM {} GROUP BY 1 ORDER BY 1").format(
                sql.Identifier(source.replica, "__unusable")
            )
        ).fetchall()
    )


def settle(
    connection: psycopg.Connection, source: Source, mappings: Sequence[MasterMapping]
) -> Counter[str]:
    """Apply mappings that are new or changed, and take out the rows of those that are gone."""
    settled = applied(connection, source, mappings)
    pending = [m for m in mappings if m not in settled]
    gone = _fingerprints(connection, source).keys() - {m.master for m in mappings}
    with connection.transaction():
        written = batch.apply_mappings(connection, source, pending)
        for master in sorted(gone, key=writer.ORDER.index, reverse=True):
            written += _take_out(connection, source, master)
    return written


def remove(connection: psycopg.Connection, source: Source) -> Counter[str]:
    """Take the source's rows out of the master tables, and its replica away."""
    written: Counter[str] = Counter()
    with connection.transaction():
        writer.lock(connection)
        row = connection.execute(
            "SELECT to_regclass(%s)", (_mappings(source).as_string(connection),)
        ).fetchone()
        if row is None or row[0] is None:
            return written
        for master in sorted(
            _fingerprints(connection, source), key=writer.ORDER.index, reverse=True
        ):
            written += _take_out(connection, source, master)
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(source.replica)))
    return written


def _take_out(connection: psycopg.Connection, source: Source, master: str) -> Counter[str]:
    rows = connection.execute(
        sql.SQL("DELETE FROM {} WHERE message_id = %s").format(sql.Identifier(master)),
        (source.mark,),
    ).rowcount
    connection.execute(
        sql.SQL("DELETE FROM {} WHERE master = %s").format(_mappings(source)), (master,)
    )
    connection.execute(
        sql.SQL("DELETE FROM {} WHERE master = %s").format(
            sql.Identifier(source.replica, "__unusable")
        ),
        (master,),
    )
    return Counter({f"{master} deleted": rows} if rows else {})


def _fingerprints(connection: psycopg.Connection, source: Source) -> dict[str, str]:
    return dict(
        connection.execute(
            sql.SQL("SELECT master, fingerprint FROM {}").format(_mappings(source))
        ).fetchall()
    )


def _mappings(source: Source) -> sql.Identifier:
    return sql.Identifier(source.replica, "__mapping")

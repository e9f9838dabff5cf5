"""A batch of the source's changes, taken in by one transaction.

The replica moves on, the ids that the batch affects are found before and after, their rows are
evaluated anew, and what differs is written to the master tables. Killed anywhere, nothing or all of
it happened.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import psycopg
from psycopg import sql

from adapters.ingestion.master import writer
from adapters.source import difference, replica
from adapters.source.definition import Source
from adapters.source.mapping import MasterMapping
from adapters.source.replica import RowChange


def in_order(mappings: Iterable[MasterMapping]) -> list[MasterMapping]:
    """Owners before what they own, as the writer of the master has it."""
    return sorted(mappings, key=lambda mapping: writer.ORDER.index(mapping.master))


def apply(
    connection: psycopg.Connection,
    source: Source,
    mappings: Sequence[MasterMapping],
    changes: Iterable[RowChange],
) -> Counter[str]:
    """Take in changes, in the order of their topics, inside the caller's transaction.

    `mappings` may be empty: then the replica alone moves on, as while a source is first loaded.
    Returns how many rows changed, by table and kind.
    """
    writer.lock(connection)
    by_table: Mapping[str, list[RowChange]] = defaultdict(list)
    for change in changes:
        by_table[change.table].append(change)
    moved = [
        table
        for table, of_table in sorted(by_table.items())
        if replica.stage(connection, source, table, of_table)
    ]
    touched = [m for m in in_order(mappings) if m.reads.intersection(moved)]
    whole = {m.master for m in touched if any(t in m.reads - m.affected.keys() for t in moved)}
    _postpone(connection, source, [m for m in touched if m.master in whole and m.every])
    touched = [m for m in touched if not (m.master in whole and m.every)]
    for mapping in touched:
        difference.prepare(connection, mapping)
        _collect(connection, source, mapping, moved, whole)
    for table in moved:
        replica.replicate(connection, source, table)
    written: Counter[str] = Counter()
    for mapping in touched:
        _collect(connection, source, mapping, moved, whole)
        if mapping.master in whole:
            written += difference.write_whole(connection, source, mapping)
        else:
            written += difference.write_affected(connection, source, mapping)
    return written


def _collect(
    connection: psycopg.Connection,
    source: Source,
    mapping: MasterMapping,
    moved: Sequence[str],
    whole: set[str],
) -> None:
    """Find affected ids in the state that the replica is in now.

    Where a row makes that fail, the mapping joins `whole`: evaluation then finds which one it is.
    """
    for statement in (s for table in moved for s in mapping.affected.get(table, ())):
        if mapping.master in whole:
            return
        try:
            with connection.transaction():
                difference.collect(connection, source, mapping, statement)
        except psycopg.Error as error:
            if not writer.is_of_the_rows(error):
                raise
            whole.add(mapping.master)


def _postpone(
    connection: psycopg.Connection, source: Source, mappings: Sequence[MasterMapping]
) -> None:
    """Remember that these must be evaluated whole, once their time has come."""
    if mappings:
        connection.execute(
            sql.SQL("UPDATE {} SET is_due = true WHERE master = ANY(%s)").format(
                sql.Identifier(source.replica, "__mapping")
            ),
            ([mapping.master for mapping in mappings],),
        )


def due(
    connection: psycopg.Connection, source: Source, mappings: Sequence[MasterMapping]
) -> list[MasterMapping]:
    """Mappings whose postponed evaluation has come."""
    found = []
    for mapping in mappings:
        if mapping.every is not None:
            row = connection.execute(
                sql.SQL(
                    "SELECT FROM {} WHERE master = %s AND is_due"
                    " AND applied_at + %s * interval '1 second' <= now()"
                ).format(sql.Identifier(source.replica, "__mapping")),
                (mapping.master, mapping.every),
            ).fetchone()
            if row is not None:
                found.append(mapping)
    return found


def apply_mappings(
    connection: psycopg.Connection, source: Source, mappings: Sequence[MasterMapping]
) -> Counter[str]:
    """Evaluate mappings whole, write what differs, and remember that they are applied."""
    writer.lock(connection)
    written: Counter[str] = Counter()
    for mapping in in_order(mappings):
        difference.prepare(connection, mapping)
        written += difference.write_whole(connection, source, mapping)
        connection.execute(
            sql.SQL(
                "INSERT INTO {} (master, fingerprint) VALUES (%s, %s) ON CONFLICT (master)"
                " DO UPDATE SET fingerprint = excluded.fingerprint, applied_at = now(),"
                " is_due = false"
            ).format(sql.Identifier(source.replica, "__mapping")),
            (mapping.master, mapping.fingerprint),
        )
    return written

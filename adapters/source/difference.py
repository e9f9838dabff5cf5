"""A mapping's rows are evaluated, and what differs from the master table is written to it.

Memory stays bounded: ids are evaluated some thousands at a time, and rows never leave PostgreSQL
but for the identifiers, which the product's own rules judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import LiteralString

import psycopg
from psycopg import sql

from adapters.ingestion.master import writer
from adapters.ingestion.master.tables import METADATA
from adapters.source import judging
from adapters.source.definition import Source
from adapters.source.mapping import MasterMapping
from adapters.source.replica import names
from domain.failures import Unusable, bounded

IDS_AT_ONCE = 5_000
JUDGED = ("value", "is_valid", "flaw")
"""Columns of an identifier that the product fills in."""
_OF_THE_WRITER = ("message_id", "updated_at")


def affected(mapping: MasterMapping) -> sql.Identifier:
    """The temporary table of ids that a batch affects."""
    return sql.Identifier("pg_temp", f"__affected__{mapping.master}")


def state_columns(master: str) -> list[str]:
    """Columns of a master table that say what is true."""
    return [c.name for c in METADATA.tables[master].columns if c.name not in _OF_THE_WRITER]


def prepare(connection: psycopg.Connection, mapping: MasterMapping) -> None:
    """Make the temporary tables of this transaction."""
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} (id text PRIMARY KEY) ON COMMIT DROP").format(
            affected(mapping)
        )
    )
    connection.execute(
        sql.SQL(
            "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA"
        ).format(
            judging.stage_name(mapping),
            names(state_columns(mapping.master)),
            sql.Identifier(mapping.master),
        )
    )


def collect(
    connection: psycopg.Connection, source: Source, mapping: MasterMapping, statement: str
) -> None:
    """Add the ids that a statement answers to the affected ones."""
    with reading(connection, source):
        connection.execute(
            sql.SQL("INSERT INTO {} SELECT DISTINCT id FROM ({}\n) ids").format(
                affected(mapping),
                sql.SQL(statement),
            )
            + sql.SQL(" WHERE id IS NOT NULL ON CONFLICT DO NOTHING")
        )


def collect_all(connection: psycopg.Connection, source: Source, mapping: MasterMapping) -> None:
    """All ids that the mapping gives, and all that the master table has of this source."""
    collect(connection, source, mapping, f"SELECT id::text AS id FROM ({mapping.sql}\n) m")
    connection.execute(
        sql.SQL(
            "INSERT INTO {} SELECT id FROM {} WHERE message_id = {} ON CONFLICT DO NOTHING"
        ).format(affected(mapping), sql.Identifier(mapping.master), sql.Literal(source.mark))
    )


class reading:  # noqa: N801 - reads as a statement
    """While it lasts, names of tables mean the replica's."""

    def __init__(self, connection: psycopg.Connection, source: Source) -> None:
        self._connection = connection
        self._source = source
        self._before = ""

    def __enter__(self) -> None:
        row = self._connection.execute("SELECT current_setting('search_path')").fetchone()
        self._before = row[0] if row else ""
        path = sql.Identifier(self._source.replica).as_string(self._connection)
        self._set(f"{path}, public")
        # a time in text, or a number, must not depend on who evaluates
        self._connection.execute(
            "SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true)"
        )

    def __exit__(self, *failed: object) -> None:
        if self._connection.info.transaction_status != psycopg.pq.TransactionStatus.INERROR:
            self._set(self._before)  # else the savepoint that is rolled back sets it

    def _set(self, path: str) -> None:
        self._connection.execute("SELECT set_config('search_path', %s, true)", (path,))


def write_affected(
    connection: psycopg.Connection, source: Source, mapping: MasterMapping
) -> Counter[str]:
    """Evaluate the affected ids anew and write what differs. Returns rows by table and kind."""
    written: Counter[str] = Counter()
    last = ""
    connection.execute(sql.SQL("ANALYZE {}").format(affected(mapping)))
    while ids := [
        row[0]
        for row in connection.execute(
            sql.SQL("SELECT id FROM {} WHERE id > %s ORDER BY id LIMIT %s").format(
                affected(mapping)
            ),
            (last, IDS_AT_ONCE),
        )
    ]:
        written += _write_ids(connection, source, mapping, ids)
        last = ids[-1]
    return written


def _write_ids(
    connection: psycopg.Connection, source: Source, mapping: MasterMapping, ids: Sequence[str]
) -> Counter[str]:
    """Write these ids; one that can't be evaluated or held is set aside and keeps the row that it
    had, and the others go on."""
    try:
        with connection.transaction():
            judging.forget_unusable(connection, source, mapping, ids)
            _evaluate(connection, source, mapping, ids)
            return _write(connection, source, mapping, ids)
    except psycopg.Error as error:
        if not writer.is_of_the_rows(error):
            raise
        if len(ids) == 1:
            judging.set_aside(connection, source, mapping, ids, bounded(str(error)))
            return Counter({f"{mapping.master} unusable": 1})
    half = len(ids) // 2
    return _write_ids(connection, source, mapping, ids[:half]) + _write_ids(
        connection, source, mapping, ids[half:]
    )


def write_whole(
    connection: psycopg.Connection, source: Source, mapping: MasterMapping
) -> Counter[str]:
    """Evaluate the whole mapping and write what differs."""
    try:
        with connection.transaction():
            judging.forget_unusable(connection, source, mapping, None)
            _evaluate(connection, source, mapping, None)
            return _write(connection, source, mapping, None)
    except psycopg.Error as error:
        if not writer.is_of_the_rows(error):
            raise
    collect_all(connection, source, mapping)  # some row is at fault: find it
    return write_affected(connection, source, mapping)


def evaluate_whole(
    connection: psycopg.Connection,
    source: Source,
    mapping: MasterMapping,
    limit: int | None = None,
) -> None:
    """The mapping's rows (some of them, with a limit), as they would be written, in
    `judging.stage_name(mapping)`. Ids that are known to fail are left out where one does.

    Raises Unusable where another row can't be evaluated.
    """
    try:
        with connection.transaction():
            _evaluate(connection, source, mapping, None, limit)
        return
    except psycopg.Error as error:
        if not writer.is_of_the_rows(error):
            raise
    known = connection.execute(
        sql.SQL("SELECT id FROM {} WHERE master = %s").format(
            sql.Identifier(source.replica, "__unusable")
        ),
        (mapping.master,),
    ).fetchall()
    try:
        with connection.transaction():
            _evaluate(connection, source, mapping, None, limit, [row[0] for row in known])
    except psycopg.Error as error:
        if not writer.is_of_the_rows(error):
            raise
        raise Unusable(f"{mapping.master}: {bounded(str(error))}") from error


def _evaluate(
    connection: psycopg.Connection,
    source: Source,
    mapping: MasterMapping,
    ids: Sequence[str] | None,
    limit: int | None = None,
    without: Sequence[str] = (),
) -> None:
    """The mapping's rows of some ids (of all where None) in the stage table, unique and judged."""
    stage = judging.stage_name(mapping)
    connection.execute(sql.SQL("TRUNCATE {}").format(stage))
    with reading(connection, source):
        columns = given_columns(connection, mapping)
        only: sql.Composable = sql.SQL("")
        if ids is not None:
            only = sql.SQL(" WHERE m.id::text = ANY({})").format(sql.Literal(list(ids)))
        elif without:
            only = sql.SQL(" WHERE m.id::text <> ALL({})").format(sql.Literal(list(without)))
        connection.execute(
            sql.SQL("INSERT INTO {} ({}) SELECT {} FROM ({}\n) m").format(
                stage,
                names(columns),
                names(columns, "m"),
                sql.SQL(mapping.sql),
            )
            + only
            + (sql.SQL("") if limit is None else sql.SQL(" LIMIT {}").format(sql.Literal(limit)))
        )
    connection.execute(sql.SQL("DELETE FROM {} WHERE id IS NULL").format(stage))
    judging.keep_one_of_each(connection, source, mapping)
    if mapping.master == "identifier":
        judging.judge(connection, source, mapping)
    connection.execute(sql.SQL("ANALYZE {}").format(stage))


def given_columns(connection: psycopg.Connection, mapping: MasterMapping) -> list[str]:
    """Columns that a mapping's SELECT answers, in order. Only inside `reading`."""
    cursor = connection.execute(
        sql.SQL("SELECT * FROM ({}\n) m LIMIT 0").format(sql.SQL(mapping.sql))
    )
    return [column.name for column in cursor.description or ()]


def _write(
    connection: psycopg.Connection,
    source: Source,
    mapping: MasterMapping,
    ids: Sequence[str] | None,
) -> Counter[str]:
    master, stage = mapping.master, judging.stage_name(mapping)
    columns = state_columns(master)
    only: LiteralString = "" if ids is None else "AND t.id = ANY(%(ids)s)"
    deleted = connection.execute(
        sql.SQL(
            "DELETE FROM {} t WHERE t.message_id = %(mark)s"
            " AND NOT EXISTS (SELECT FROM {} s WHERE s.id = t.id) " + only
        ).format(sql.Identifier(master), stage),
        {"mark": source.mark, "ids": None if ids is None else list(ids)},
    ).rowcount
    counts = {
        "deleted": deleted,
        "updated": writer.update_rows(connection, master, columns, stage, source.mark),
        "inserted": writer.insert_rows(connection, master, columns, stage, source.mark),
    }
    return Counter({f"{master} {kind}": rows for kind, rows in counts.items() if rows})

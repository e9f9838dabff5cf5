"""Rows that a mapping gives are judged before they are written.

Of several with one id one stays, identifiers get their normal forms by the product's own rules, and
what can't be used is set aside with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

import psycopg
from psycopg import sql

from adapters.source.definition import Source
from adapters.source.mapping import MasterMapping
from domain.identifiers import UnknownScheme, identify, scheme_named

NUMBERS_AT_ONCE = 5_000
LONGEST_ID = 500
"""Characters of a row's id."""


def stage_name(mapping: MasterMapping) -> sql.Identifier:
    """The temporary table that holds evaluated rows in the types of the master table."""
    return sql.Identifier("pg_temp", f"__rows__{mapping.master}")


def keep_one_of_each(
    connection: psycopg.Connection, source: Source, mapping: MasterMapping
) -> None:
    """Of rows with the same id the first by their text stays, whichever came first."""
    stage = stage_name(mapping)
    too_long = connection.execute(
        sql.SQL("DELETE FROM {} WHERE length(id) > {} RETURNING id").format(stage, LONGEST_ID)
    ).fetchall()
    set_aside(
        connection,
        source,
        mapping,
        [row[0][:LONGEST_ID] for row in too_long],
        f"its id is longer than {LONGEST_ID} characters",
    )
    several = connection.execute(
        sql.SQL("SELECT id FROM {} GROUP BY id HAVING count(*) > 1").format(stage)
    ).fetchall()
    if several:
        connection.execute(
            sql.SQL(
                "DELETE FROM {0} s USING (SELECT ctid, row_number() OVER (PARTITION BY id"
                " ORDER BY r::text) AS place FROM {0} r) o WHERE o.ctid = s.ctid AND o.place > 1"
            ).format(stage)
        )
        set_aside(
            connection,
            source,
            mapping,
            [row[0] for row in several],
            "the mapping gives several rows this id: one of them is taken",
        )


def judge(connection: psycopg.Connection, source: Source, mapping: MasterMapping) -> None:
    """Normal forms and flaws of identifiers, by the product's rules; rows without a number go."""
    stage = stage_name(mapping)
    connection.execute(
        sql.SQL(
            "DELETE FROM {} WHERE scheme IS NULL OR value_raw IS NULL OR btrim(value_raw) = ''"
        ).format(stage)
    )
    connection.execute(
        "CREATE TEMPORARY TABLE IF NOT EXISTS __judged (named text, raw text, scheme text,"
        " value text, is_valid boolean, flaw text) ON COMMIT DROP"
    )
    connection.execute("TRUNCATE pg_temp.__judged")
    unknown: set[str] = set()
    asked = sql.SQL("SELECT DISTINCT scheme, value_raw FROM {}").format(stage)
    while_judging = connection.cursor("judging")
    with while_judging as numbers:
        numbers.execute(asked)
        while some := numbers.fetchmany(NUMBERS_AT_ONCE):
            rows = []
            for named, raw in some:
                try:
                    number = identify(scheme_named(named), raw)
                except UnknownScheme:
                    unknown.add(named)
                    continue
                flaw = number.validation_error
                rows.append((named, raw, number.scheme, number.value, number.is_valid, flaw))
            copy = "COPY pg_temp.__judged FROM STDIN"
            with connection.cursor() as cursor, cursor.copy(copy) as into:
                for row in rows:
                    into.write_row(row)
    connection.execute("ANALYZE pg_temp.__judged")
    for named in sorted(unknown):
        gone = connection.execute(
            sql.SQL("DELETE FROM {} WHERE scheme = %s RETURNING id").format(stage), (named,)
        ).fetchall()
        set_aside(connection, source, mapping, [row[0] for row in gone], str(UnknownScheme(named)))
    connection.execute(
        sql.SQL(
            "UPDATE {} s SET scheme = j.scheme, value = j.value, is_valid = j.is_valid,"
            " flaw = j.flaw FROM pg_temp.__judged j"
            " WHERE j.named = s.scheme AND j.raw = s.value_raw"
        ).format(stage)
    )


def set_aside(
    connection: psycopg.Connection,
    source: Source,
    mapping: MasterMapping,
    ids: Sequence[str],
    reason: str,
) -> None:
    """Remember that rows can't be used, and why."""
    if ids:
        connection.execute(
            sql.SQL(
                "INSERT INTO {} (master, id, reason) SELECT DISTINCT %s, unnest(%s::text[]), %s"
                " ON CONFLICT (master, id) DO UPDATE SET reason = excluded.reason"
            ).format(sql.Identifier(source.replica, "__unusable")),
            (mapping.master, list(ids), reason),
        )


def forget_unusable(
    connection: psycopg.Connection,
    source: Source,
    mapping: MasterMapping,
    ids: Sequence[str] | None,
) -> None:
    """Forget it of these ids (of all where None): they are looked at anew."""
    only: LiteralString = "" if ids is None else " AND id = ANY(%(ids)s)"
    connection.execute(
        sql.SQL("DELETE FROM {} WHERE master = %(master)s" + only).format(
            sql.Identifier(source.replica, "__unusable")
        ),
        {"master": mapping.master, "ids": None if ids is None else list(ids)},
    )

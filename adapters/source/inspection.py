"""Asked before, and after: does a mapping fit, what would it give, and does the master agree.

Nothing here changes anything: whatever has to be made for an answer is rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from sqlglot import exp

from adapters.ingestion.master import writer
from adapters.ingestion.master.tables import CAPTURED
from adapters.source import blocks, difference, judging, replica
from adapters.source.definition import Source
from adapters.source.mapping import MasterMapping, prepare
from domain.changes import Change, Coordinates, Operation
from domain.failures import Misconfigured, bounded, reason_of
from domain.translation import translate

SHOWN = 10
"""Ids that a finding names."""
_MUST_GIVE = {"identifier": ("owner_type", "owner_id", "scheme", "value_raw")}
_UNORDERED = (exp.ArrayAgg, exp.GroupConcat, exp.JSONArrayAgg, exp.ArrayConcatAgg)

Columns = Mapping[str, Mapping[str, str]]
"""Table → column → PostgreSQL type."""


@dataclass(frozen=True)
class Finding:
    """Something that a person should know about a source."""

    severity: str
    """error: it can't be applied; warning: it can, at a cost; note."""
    where: str
    text: str


@dataclass(frozen=True)
class Disagreement:
    """What a whole evaluation says and the master table doesn't."""

    master: str
    missing: list[str]
    """Ids, at most `SHOWN` of them."""
    differing: list[str]
    surplus: list[str]
    """Of this source in the master table, and not given by the mapping."""
    count: int


def check(connection: psycopg.Connection, source: Source, columns: Columns) -> list[Finding]:
    """What is wrong or costly, before anything is touched."""
    found: list[Finding] = []
    mappings = []
    names = {table: list(of) for table, of in columns.items()}
    for file in source.mappings.values():
        try:
            mappings.append(prepare(file, names))
        except Misconfigured as error:
            found.append(Finding("error", file.master, str(error)))
    with _rolled_back(connection):
        try:
            replica.create(connection, source, columns)
        except Misconfigured as error:
            return [*found, Finding("error", source.name, str(error))]
        for mapping in mappings:
            found += _check_mapping(connection, source, mapping)
    read = frozenset[str]().union(*(m.reads for m in mappings))
    found += [
        Finding("note", table, "no mapping reads it: it needn't be captured")
        for table in sorted(source.tables.keys() - read)
    ]
    if unmapped := [t for t in CAPTURED if t not in source.mappings]:
        found.append(Finding("note", source.name, f"nothing fills {', '.join(unmapped)}"))
    return found


def _check_mapping(
    connection: psycopg.Connection, source: Source, mapping: MasterMapping
) -> list[Finding]:
    master = mapping.master
    found = [
        Finding(
            "warning",
            master,
            f"which rows a change of {table} affects can't be derived ({reason}): each change of it"
            f" evaluates the mapping whole. Give affects.{master}.{table}, or accept it with"
            f" whole.{master}",
        )
        for table, reason in mapping.underivable.items()
    ]
    found += [
        Finding(
            "warning",
            master,
            f"{node.sql('postgres')} needs an ORDER BY inside: without,"
            " the same rows may make another value",
        )
        for node in blocks.parse(mapping.sql, master).find_all(*_UNORDERED)
        if not node.find(exp.Order)
    ]
    difference.prepare(connection, mapping)
    try:
        with connection.transaction(), difference.reading(connection, source):
            given = difference.given_columns(connection, mapping)
    except psycopg.Error as error:
        return [*found, Finding("error", master, _said(error))]
    wrong = _wrong_columns(master, given)
    if wrong:
        return found + wrong
    known = difference.state_columns(master)
    if left := [c for c in known if c not in given and c not in difference.JUDGED]:
        found.append(Finding("note", master, f"it gives no {', '.join(left)}"))
    try:
        with connection.transaction():
            _plan(connection, source, mapping, given)
    except psycopg.Error as error:
        return [*found, Finding("error", master, _said(error))]
    return found + _check_rows(connection, source, mapping)


def _wrong_columns(master: str, given: Sequence[str]) -> list[Finding]:
    known = difference.state_columns(master)
    found = [
        Finding("error", master, f"{c} is no column of {master}: {', '.join(known)}")
        for c in given
        if c not in known
    ]
    found += [
        Finding("error", master, f"it gives {c} twice") for c in set(given) if given.count(c) > 1
    ]
    found += [
        Finding("error", master, f"it must give {c}")
        for c in ("id", *_MUST_GIVE.get(master, ()))
        if c not in given
    ]
    if master == "identifier":
        found += [
            Finding("error", master, f"{c} is found by the product: give value_raw as it is")
            for c in difference.JUDGED
            if c in given
        ]
    return found


def _plan(
    connection: psycopg.Connection, source: Source, mapping: MasterMapping, given: Sequence[str]
) -> None:
    """Let PostgreSQL look at every statement that will be run, without running any."""
    with difference.reading(connection, source):
        connection.execute(
            sql.SQL("EXPLAIN INSERT INTO {} ({}) SELECT {} FROM ({}\n) m").format(
                judging.stage_name(mapping),
                replica.names(given),
                replica.names(given, "m"),
                sql.SQL(mapping.sql),
            )
        )
        for table, statements in mapping.affected.items():
            connection.execute(
                sql.SQL(
                    "CREATE TEMPORARY TABLE IF NOT EXISTS {} AS SELECT * FROM {} LIMIT 0"
                ).format(replica.changed(table), replica.name_of(source, table))
            )
            for statement in statements:
                connection.execute(sql.SQL("EXPLAIN {}").format(sql.SQL(statement)))


def _check_rows(
    connection: psycopg.Connection, source: Source, mapping: MasterMapping
) -> list[Finding]:
    """What can be told where the replica has rows."""
    try:
        with connection.transaction(), difference.reading(connection, source):
            row = connection.execute(
                sql.SQL(
                    "SELECT count(*), count(*) - count(id), count(DISTINCT id) FROM ({}\n) m"
                ).format(sql.SQL(mapping.sql))
            ).fetchone()
    except psycopg.Error as error:
        return [Finding("error", mapping.master, _said(error))]
    rows, without, different = row or (0, 0, 0)
    found = []
    if without:
        found.append(Finding("warning", mapping.master, f"{without} rows have no id: left out"))
    if twice := rows - without - different:
        found.append(
            Finding("error", mapping.master, f"{twice} rows have an id that another row has")
        )
    return found


@dataclass(frozen=True)
class Previewed:
    """A row that a mapping gives."""

    row: Mapping[str, Any]
    """As it would stand in the master table."""
    events: list[str]
    """Types of the events that it would make; none where the master says the same already."""


def preview(
    connection: psycopg.Connection, source: Source, mapping: MasterMapping, limit: int
) -> list[Previewed]:
    """Some rows that a mapping gives, and the events they would make.

    Raises Unusable where a row can't be evaluated.
    """
    with _rolled_back(connection):
        difference.prepare(connection, mapping)
        difference.evaluate_whole(connection, source, mapping, limit)
        with connection.cursor(row_factory=dict_row) as cursor:
            given = cursor.execute(
                sql.SQL("SELECT * FROM {} ORDER BY id").format(judging.stage_name(mapping))
            ).fetchall()
            known = cursor.execute(
                sql.SQL("SELECT {} FROM {} WHERE id = ANY(%s)").format(
                    replica.names(difference.state_columns(mapping.master)),
                    sql.Identifier(mapping.master),
                ),
                ([row["id"] for row in given],),
            ).fetchall()
    before = {row["id"]: row for row in known}
    return [Previewed(row, _events(mapping.master, before.get(row["id"]), row)) for row in given]


def _events(master: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[str]:
    """What translation would say of a row that is written."""
    change = Change(
        table=master,
        operation=Operation.INSERT if before is None else Operation.UPDATE,
        key={"id": after["id"]},
        before=before,
        after=after,
        coordinates=Coordinates("preview", 0, 0),
        position="",
        transaction=None,
        committed_at=datetime.now(UTC),
    )
    try:
        return [type(event).__name__ for event in translate(change)]
    except Exception as error:
        return [f"none: {reason_of(error)}"]


def verify(
    connection: psycopg.Connection, source: Source, mappings: Sequence[MasterMapping]
) -> list[Disagreement]:
    """Evaluate all mappings whole and compare; empty where the master tables say the same."""
    found = []
    with _rolled_back(connection):
        writer.lock(connection)
        for mapping in mappings:
            difference.prepare(connection, mapping)
            difference.evaluate_whole(connection, source, mapping)
            disagreement = _compare(connection, source, mapping)
            if disagreement.count:
                found.append(disagreement)
    return found


def _compare(
    connection: psycopg.Connection, source: Source, mapping: MasterMapping
) -> Disagreement:
    stage, master = judging.stage_name(mapping), sql.Identifier(mapping.master)
    state = [c for c in difference.state_columns(mapping.master) if c != "id"]
    excused = sql.SQL("SELECT FROM {} u WHERE u.master = {} AND u.id = ").format(
        sql.Identifier(source.replica, "__unusable"), sql.Literal(mapping.master)
    )
    questions = (
        sql.SQL(
            "SELECT s.id FROM {0} s WHERE NOT EXISTS (SELECT FROM {1} t WHERE t.id = s.id)"
        ).format(stage, master),
        sql.SQL(
            "SELECT s.id FROM {0} s JOIN {1} t USING (id) WHERE ROW({2}) IS DISTINCT FROM ROW({3})"
        ).format(stage, master, replica.names(state, "s"), replica.names(state, "t")),
        sql.SQL(
            "SELECT t.id FROM {1} t WHERE t.message_id = {2}"
            " AND NOT EXISTS (SELECT FROM {0} s WHERE s.id = t.id)"
        ).format(stage, master, sql.Literal(source.mark))
        + sql.SQL(" AND NOT EXISTS (")
        + excused
        + sql.SQL("t.id)"),
    )
    ids: list[list[str]] = []
    count = 0
    for question in questions:
        row = connection.execute(
            sql.SQL("SELECT count(*), (array_agg(id ORDER BY id))[1:{}] FROM ({}) q").format(
                sql.Literal(SHOWN), question
            )
        ).fetchone()
        count += row[0] if row else 0
        ids.append((row[1] if row else None) or [])
    return Disagreement(mapping.master, ids[0], ids[1], ids[2], count)


@contextmanager
def _rolled_back(connection: psycopg.Connection) -> Iterator[None]:
    with connection.transaction(force_rollback=True):
        yield


def _said(error: psycopg.Error) -> str:
    return bounded(" ".join(str(error).split()))

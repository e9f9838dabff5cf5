"""The source's tables, kept as they are in a schema of the master database.

Beside them stand the replica's own: how far each topic was read, which mappings are applied, which
rows can't be used. So everything of a source goes with its schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from adapters.source.affected import changed_name
from adapters.source.definition import Source, SourceTable
from adapters.source.mapping import MasterMapping
from domain.failures import Misconfigured

_STATE = (
    "CREATE TABLE IF NOT EXISTS {0}.__checkpoint (topic text, partition int,"
    " next_offset bigint NOT NULL, memory text NOT NULL DEFAULT '',"
    " PRIMARY KEY (topic, partition))",
    "CREATE TABLE IF NOT EXISTS {0}.__mapping (master text PRIMARY KEY, fingerprint text NOT NULL,"
    " applied_at timestamptz NOT NULL DEFAULT now(), is_due boolean NOT NULL DEFAULT false)",
    "CREATE TABLE IF NOT EXISTS {0}.__unusable (master text, id text, reason text NOT NULL,"
    " since timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (master, id))",
    "CREATE TABLE IF NOT EXISTS {0}.__late (table_name text, column_name text,"
    " PRIMARY KEY (table_name, column_name))",
    "CREATE TABLE IF NOT EXISTS {0}.__source (files jsonb NOT NULL, fingerprint text NOT NULL,"
    " state text NOT NULL, stopped text, changed_at timestamptz)",
)


@dataclass(frozen=True)
class RowChange:
    """One row of a source's table as it now is."""

    table: str
    key: tuple[object, ...]
    row: Mapping[str, object] | None
    """All columns of the replica; None where the row is gone."""
    unchanged: frozenset[str] = field(default_factory=frozenset)
    """Columns that the record left out since they didn't change; absent in `row`."""

    @property
    def is_truncation(self) -> bool:
        """All rows that were there are gone; it has no key."""
        return not self.key


def name_of(source: Source, table: str) -> sql.Identifier:
    """The replica's table, with its schema."""
    return sql.Identifier(source.replica, table)


def create(
    connection: psycopg.Connection, source: Source, columns: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Make the schema and its tables; what is there already stays, and gets columns that it lacks.

    `columns` are names and PostgreSQL types of each table. Returns the tables that got columns:
    what their rows have there must be captured once more. Raises Misconfigured.
    """
    schema = sql.Identifier(source.replica)
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
    for statement in _STATE:
        connection.execute(sql.SQL(statement).format(schema))
    grown = []
    for table in source.tables.values():
        there = columns_of(connection, source, table.name)
        wanted = columns[table.name]
        if not there:
            _create_table(connection, source, table, wanted)
        elif missing := [column for column in wanted if column not in there]:
            for column in missing:
                _add_column(connection, source, table, column, wanted[column])
            grown.append(table.name)
    return grown


def _add_column(
    connection: psycopg.Connection, source: Source, table: SourceTable, column: str, type_: str
) -> None:
    if column in table.key:
        raise Misconfigured(
            f"the key of {table.name} has become another one ({column}): remove the source and"
            " apply it anew"
        )
    connection.execute(
        sql.SQL("ALTER TABLE {} ADD COLUMN {} " + type_).format(
            name_of(source, table.name), sql.Identifier(column)
        )
    )
    connection.execute(
        sql.SQL("INSERT INTO {} VALUES (%s, %s) ON CONFLICT DO NOTHING").format(_late(source)),
        (table.name, column),
    )


def late_columns(connection: psycopg.Connection, source: Source, table: str) -> frozenset[str]:
    """Columns that a table got later: records from before lack them."""
    rows = connection.execute(
        sql.SQL("SELECT column_name FROM {} WHERE table_name = %s").format(_late(source)), (table,)
    )
    return frozenset(name for (name,) in rows)


def _late(source: Source) -> sql.Identifier:
    return sql.Identifier(source.replica, "__late")


def _create_table(
    connection: psycopg.Connection, source: Source, table: SourceTable, columns: Mapping[str, str]
) -> None:
    if missing := set(table.key) - columns.keys():
        raise Misconfigured(
            f"the table {table.name} has no column {sorted(missing)[0]} for its key"
        )
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(
                    name_of(source, table.name),
                    sql.SQL(", ").join(
                        sql.SQL("{} " + type_).format(sql.Identifier(c))
                        for c, type_ in columns.items()
                    ),
                    names(table.key),
                )
            )
    except (psycopg.errors.UndefinedObject, psycopg.errors.SyntaxError) as error:
        raise Misconfigured(f"columns of the table {table.name}: {error}") from error


def columns_of(connection: psycopg.Connection, source: Source, table: str) -> dict[str, str]:
    """Columns and types of a replica's table, in order; none where it isn't there."""
    return dict(
        connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped"
            " ORDER BY attnum",
            (name_of(source, table).as_string(connection),),
        ).fetchall()
    )


def index(
    connection: psycopg.Connection, source: Source, mappings: Sequence[MasterMapping]
) -> None:
    """Index what the mappings' joins and ids look by; an id that can't be indexed has none."""
    keys = {(t.name, t.key[0]) for t in source.tables.values()}
    for table, column in sorted({pair for m in mappings for pair in m.indexes} - keys):
        connection.execute(
            sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} ({})").format(
                sql.Identifier(f"__{table}_{column}"[:63]),
                name_of(source, table),
                sql.Identifier(column),
            )
        )
    for mapping in mappings:
        if mapping.id_index is None:
            continue
        table, expression = mapping.id_index
        at = sql.Identifier(f"__id_{mapping.master}"[:63])
        drop = sql.SQL("DROP INDEX IF EXISTS {}.{}").format(sql.Identifier(source.replica), at)
        try:
            with connection.transaction():
                connection.execute(drop)
                connection.execute(
                    sql.SQL("CREATE INDEX {} ON {} (({}))").format(
                        at,
                        name_of(source, table),
                        sql.SQL(expression),
                    )
                )
        except psycopg.errors.InvalidObjectDefinition:
            pass  # it depends on a session's settings (concat(), a time in text)


def names(columns: Sequence[str], alias: str | None = None) -> sql.Composed:
    """Column names with commas between, of a table's alias if there is one."""
    return sql.SQL(", ").join(
        sql.Identifier(alias, c) if alias else sql.Identifier(c) for c in columns
    )


def _staged(table: str) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"__staged__{table}")


def changed(table: str) -> sql.Identifier:
    """The temporary table of a table's changed rows, first as they were, then as they are."""
    return sql.Identifier("pg_temp", changed_name(table))


def stage(
    connection: psycopg.Connection, source: Source, table: str, changes: Sequence[RowChange]
) -> int:
    """Put changes of one table beside it, the newest of each key, only where they differ.

    The changed rows as they were are in `changed(table)` then. Returns how many keys differ.
    """
    of = source.tables[table]
    columns = list(columns_of(connection, source, table))
    replica, staged = name_of(source, table), _staged(table)
    _create_staging(connection, replica, staged, changed(table))
    newest = _newest(changes)
    copy = sql.SQL("COPY {} ({}, __removed, __unchanged) FROM STDIN").format(staged, names(columns))
    with connection.cursor() as cursor, cursor.copy(copy) as into:
        for change in newest:
            if change.is_truncation:
                continue
            row = change.row or dict(zip(of.key, change.key, strict=True))
            values = [_plain(row.get(column)) for column in columns]
            into.write_row([*values, change.row is None, sorted(change.unchanged) or None])
    same_key = _same(of.key)
    if newest and newest[0].is_truncation:
        connection.execute(
            sql.SQL(
                "INSERT INTO {} ({}, __removed) SELECT {}, true FROM {} r"
                " WHERE NOT EXISTS (SELECT FROM {} s WHERE {})"
            ).format(staged, names(of.key), names(of.key), replica, staged, same_key)
        )
    for column in sorted({name for change in newest for name in change.unchanged}):
        connection.execute(
            sql.SQL(
                "UPDATE {} s SET {} = r.{} FROM {} r WHERE {} AND {} = ANY(s.__unchanged)"
            ).format(
                staged,
                sql.Identifier(column),
                sql.Identifier(column),
                replica,
                same_key,
                sql.Literal(column),
            )
        )
    connection.execute(
        sql.SQL(
            "DELETE FROM {} s USING {} r WHERE {} AND NOT s.__removed"
            " AND ROW({}) IS NOT DISTINCT FROM ROW({})"
        ).format(staged, replica, same_key, names(columns, "s"), names(columns, "r"))
    )
    connection.execute(
        sql.SQL(
            "DELETE FROM {} s WHERE s.__removed AND NOT EXISTS (SELECT FROM {} r WHERE {})"
        ).format(staged, replica, same_key)
    )
    connection.execute(
        sql.SQL("INSERT INTO {} SELECT r.* FROM {} r JOIN {} s ON {}").format(
            changed(table), replica, staged, same_key
        )
    )
    connection.execute(sql.SQL("ANALYZE {}").format(changed(table)))
    left = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(staged)).fetchone()
    return left[0] if left else 0


def replicate(connection: psycopg.Connection, source: Source, table: str) -> None:
    """Make the replica's table say what was staged; `changed(table)` holds the new rows then."""
    columns = list(columns_of(connection, source, table))
    replica, staged = name_of(source, table), _staged(table)
    connection.execute(
        sql.SQL("DELETE FROM {} r USING {} s WHERE {}").format(
            replica, staged, _same(source.tables[table].key)
        )
    )
    connection.execute(sql.SQL("DELETE FROM {}").format(changed(table)))
    for target in (replica, changed(table)):
        connection.execute(
            sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} WHERE NOT __removed").format(
                target, names(columns), names(columns), staged
            )
        )
    connection.execute(sql.SQL("ANALYZE {}").format(changed(table)))


def _create_staging(
    connection: psycopg.Connection,
    replica: sql.Identifier,
    staged: sql.Identifier,
    changed_: sql.Identifier,
) -> None:
    connection.execute(
        sql.SQL(
            "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS"
            " SELECT *, false AS __removed, NULL::text[] AS __unchanged FROM {} WITH NO DATA"
        ).format(staged, replica)
    )
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT * FROM {} WITH NO DATA").format(
            changed_, replica
        )
    )


def _same(key: Sequence[str]) -> sql.Composed:
    return sql.SQL(" AND ").join(
        sql.SQL("s.{} = r.{}").format(sql.Identifier(k), sql.Identifier(k)) for k in key
    )


def _newest(changes: Sequence[RowChange]) -> list[RowChange]:
    """The last change of each key, after a truncation if there is one.

    What it left out as unchanged is taken of the one before.
    """
    newest: dict[tuple[object, ...], RowChange] = {}
    for change in changes:
        if change.is_truncation:
            newest.clear()
        newest[change.key] = _completed(change, newest.get(change.key))
    return list(newest.values())


def _completed(change: RowChange, before: RowChange | None) -> RowChange:
    if change.row is None or not change.unchanged or before is None:
        return change
    if before.row is None:  # the row is another one: it has nothing to keep
        row = {**change.row, **dict.fromkeys(change.unchanged)}
        return RowChange(change.table, change.key, row)
    known = {name: before.row[name] for name in change.unchanged if name in before.row}
    row = {**change.row, **known}
    return RowChange(change.table, change.key, row, change.unchanged - known.keys())


def _plain(value: object) -> object:
    return Jsonb(value) if isinstance(value, dict) else value

"""A MariaDB or MySQL database as a source: its tables' columns and keys, and what capture needs.

Names are folded as the replica folds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pymysql

from adapters.source.definition import Source, fold
from adapters.source.postgres import FoundTable, Reference
from adapters.source.types import replica_type
from domain.failures import Misconfigured

CONNECTORS = ("mariadb", "mysql")
_COLUMNS = """
    SELECT column_name, column_type, column_key = 'PRI' FROM information_schema.columns
    WHERE table_schema = %s AND table_name = %s AND coalesce(generation_expression, '') = ''
    ORDER BY ordinal_position"""
_TABLES = """
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = %s AND table_type = 'BASE TABLE' ORDER BY 1"""
_REFERENCES = """
    SELECT table_name, column_name, referenced_table_name, referenced_column_name
    FROM information_schema.key_column_usage k
    WHERE table_schema = %s AND referenced_table_schema = table_schema
      AND NOT EXISTS (SELECT 1 FROM information_schema.key_column_usage o
                      WHERE o.constraint_schema = k.constraint_schema
                        AND o.constraint_name = k.constraint_name
                        AND o.table_name = k.table_name AND o.ordinal_position > 1)
    ORDER BY 1, 2"""
_WANTED = {"log_bin": ("1", "ON"), "binlog_format": ("ROW",), "binlog_row_image": ("FULL",)}


def columns(opened: pymysql.Connection, source: Source) -> dict[str, dict[str, str]]:
    """Table → column → type of the replica, of each table that the source names.

    Raises Misconfigured where a table isn't there, its key isn't what the source says, or a column
    that is asked for can't be replicated; others that can't are left out.
    """
    found = {}
    for table in source.tables.values():
        rows = _asked(opened, _COLUMNS, source.database, table.of_source)
        if not rows:
            raise Misconfigured(f"the source has no table {source.database}.{table.of_source}")
        key = {fold(source.connector, name) for name, _, is_key in rows if is_key}
        if key != set(table.key):
            raise Misconfigured(
                f"tables.{table.name}: key is {', '.join(table.key)}, the source's primary key is"
                f" {', '.join(sorted(key)) or 'none'}"
            )
        names = {fold(source.connector, name) for name, _, _ in rows}
        if missing := table.columns.keys() - names:
            raise Misconfigured(f"the source's {table.name} has no column {min(missing)}")
        found[table.name] = dict(table.columns) or _of_source(source.connector, rows)
    return found


def has_tables(opened: pymysql.Connection, database: str) -> bool:
    """Whether the database has any table."""
    return bool(_asked(opened, _TABLES, database))


def tables(opened: pymysql.Connection, connector: str, database: str) -> list[FoundTable]:
    """All tables of a database, with the key and the references that they declare.

    Raises Misconfigured where it has none.
    """
    references: dict[str, list[Reference]] = {}
    for table, column, other, its in _asked(opened, _REFERENCES, database):
        named = (fold(connector, name) for name in (column, other, its))
        references.setdefault(table, []).append(Reference(*named))
    found = []
    for (table,) in _asked(opened, _TABLES, database):
        rows = _asked(opened, _COLUMNS, database, table)
        key = tuple(name for name, _, is_key in rows if is_key)
        found.append(
            FoundTable(
                fold(connector, table),
                tuple(fold(connector, name) for name in key),
                _of_source(connector, rows),
                tuple(references.get(table, ())),
                original=table,
                original_key=key,
            )
        )
    if not found:
        raise Misconfigured(f"the source has no table in the database {database}")
    return found


def _asked(opened: pymysql.Connection, question: str, *values: object) -> list[tuple[Any, ...]]:
    with opened.cursor() as cursor:
        cursor.execute(question, values)
        return list(cursor.fetchall())


def _of_source(connector: str, rows: Sequence[tuple[str, str, int]]) -> dict[str, str]:
    types = {}
    for name, declared, _ in rows:
        try:
            types[fold(connector, name)] = replica_type(connector, declared)
        except Misconfigured:
            continue  # a geometry: a mapping that reads it is told that it isn't there
    return types


def faults(opened: pymysql.Connection) -> list[str]:
    """What at its server stands in the way of capture, with what to do."""
    found = []
    for name, wanted in _WANTED.items():
        ((value,),) = _asked(opened, f"SELECT @@GLOBAL.{name}")
        if str(value) not in wanted:
            found.append(
                f"the source's server has {name} {value}: set it to {wanted[-1]}"
                + (" and start it again" if name == "log_bin" else "")
            )
    return found

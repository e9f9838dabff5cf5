"""A MariaDB or MySQL database as a source: its tables' columns and keys, and what capture needs.

Names are folded as the replica folds them.
"""

from __future__ import annotations

import pymysql

from adapters.source.definition import Source, fold
from adapters.source.types import replica_type
from domain.failures import Misconfigured

CONNECTORS = ("mariadb", "mysql")
_COLUMNS = """
    SELECT column_name, column_type, column_key = 'PRI' FROM information_schema.columns
    WHERE table_schema = %s AND table_name = %s AND coalesce(generation_expression, '') = ''
    ORDER BY ordinal_position"""
_WANTED = {"log_bin": ("1", "ON"), "binlog_format": ("ROW",), "binlog_row_image": ("FULL",)}


def columns(opened: pymysql.Connection, source: Source) -> dict[str, dict[str, str]]:
    """Table → column → type of the replica, of each table that the source names.

    Raises Misconfigured where a table isn't there, its key isn't what the source says, or a column
    that is asked for can't be replicated; others that can't are left out.
    """
    found = {}
    for table in source.tables.values():
        with opened.cursor() as cursor:
            cursor.execute(_COLUMNS, (source.database, table.of_source))
            rows = cursor.fetchall()
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
        found[table.name] = dict(table.columns) or _of_source(source, rows)
    return found


def _of_source(source: Source, rows: tuple[tuple[str, str, int], ...]) -> dict[str, str]:
    types = {}
    for name, declared, _ in rows:
        try:
            types[fold(source.connector, name)] = replica_type(source.connector, declared)
        except Misconfigured:
            continue  # a geometry: a mapping that reads it is told that it isn't there
    return types


def faults(opened: pymysql.Connection) -> list[str]:
    """What at its server stands in the way of capture, with what to do."""
    found = []
    for name, wanted in _WANTED.items():
        with opened.cursor() as cursor:
            cursor.execute(f"SELECT @@GLOBAL.{name}")
            (value,) = cursor.fetchone() or ("",)
        if str(value) not in wanted:
            found.append(
                f"the source's server has {name} {value}: set it to {wanted[-1]}"
                + (" and start it again" if name == "log_bin" else "")
            )
    return found

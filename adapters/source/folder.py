"""A source as its folder defines it: `source.toml` and one SELECT per master table."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.ingestion.master.tables import CAPTURED
from adapters.source.definition import (
    CONNECTORS,
    MappingFile,
    Source,
    SourceTable,
    fold,
)
from adapters.source.types import replica_type
from adapters.source.values import UNITS
from domain.failures import Misconfigured

SETTINGS = "source.toml"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}$")
_RESERVED = ("__", "pg_")
_TEXTS = (*("name", "connector", "database", "schema", "topics", "topic", "registry"),)
_SWITCHES = ("exactly_once", "lenient")
_TABLES = ("tables", "affects", "whole", "every", "connector_settings")
_PLACES = {"topics": "", "database": "", "schema": "", "table": ""}


def read_folder(folder: Path) -> Source:
    """The source that a folder defines. Raises Misconfigured."""
    return parse(read_files(folder), folder.resolve().name)


def read_files(folder: Path) -> dict[str, str]:
    """What a source's folder holds that counts: file name → text. Raises Misconfigured."""
    found = {}
    for file in [folder / SETTINGS, *sorted(folder.glob("*.sql"))]:
        try:
            found[file.name] = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(f"{file} can't be read: {error}") from error
    return found


def parse(files: Mapping[str, str], default_name: str) -> Source:
    """The source that these files define. Raises Misconfigured."""
    try:
        content = tomllib.loads(files[SETTINGS])
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{SETTINGS} can't be read: {error}") from error
    known = {*_TEXTS, *_SWITCHES, *_TABLES}
    if unknown := content.keys() - known:
        raise Misconfigured(
            f"{SETTINGS}: {sorted(unknown)[0]} is unknown; it may set {', '.join(sorted(known))}"
        )
    texts = {name: text for name in _TEXTS if (text := _text(content, name)) is not None}
    name = texts.pop("name", default_name)
    if not _NAME.match(name):
        raise Misconfigured(
            f"{SETTINGS}: name is {name!r}; take a-z, 0-9 and _, at most 40, a letter first"
        )
    connector = texts.get("connector", "postgresql")
    if connector not in CONNECTORS:
        raise Misconfigured(
            f"{SETTINGS}: connector is {connector!r}; there are: {', '.join(CONNECTORS)}"
        )
    tables = _tables(connector, _section(content, "tables"))
    if not tables:
        raise Misconfigured(f'{SETTINGS} names no tables: [tables.<name>] key = ["<column>"]')
    texts.setdefault("topics", f"source.{name}")
    _check_topic(texts)
    given: dict[str, Any] = {n: _switch(content, n) for n in _SWITCHES if n in content} | texts
    return Source(
        name=name,
        tables=tables,
        mappings=_mappings(files, content, tables),
        connector_settings=_settings(content),
        **given,
    )


def _check_topic(texts: Mapping[str, str]) -> None:
    pattern = texts.get("topic", "{table}")
    try:
        pattern.format(**_PLACES)
    except (KeyError, IndexError, ValueError) as error:
        raise Misconfigured(
            f"{SETTINGS}: topic may hold {{topics}}, {{database}}, {{schema}} and {{table}}, not"
            f" {error}"
        ) from None
    if "{table}" not in pattern:
        raise Misconfigured(f"{SETTINGS}: topic must hold {{table}}, so that each has its own")
    needs_database = texts.get("connector") in ("mariadb", "mysql", "sqlserver", "oracle")
    if needs_database and "database" not in texts:
        raise Misconfigured(f"{SETTINGS}: database must name the database at its server")


def _text(content: Mapping[str, Any], name: str) -> str | None:
    value = content.get(name)
    if value is not None and not isinstance(value, str):
        raise Misconfigured(f"{SETTINGS}: {name} must be text")
    return value


def _switch(content: Mapping[str, Any], name: str) -> bool:
    value = content[name]
    if not isinstance(value, bool):
        raise Misconfigured(f"{SETTINGS}: {name} must be true or false")
    return value


def _section(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name, {})
    if not isinstance(value, dict):
        raise Misconfigured(f"{SETTINGS}: {name} must be a table of TOML")
    return value


def _settings(content: Mapping[str, Any]) -> dict[str, str]:
    given = _section(content, "connector_settings")
    if wrong := [name for name, value in given.items() if not isinstance(value, str)]:
        raise Misconfigured(
            f"{SETTINGS}: connector_settings: {wrong[0]} must be text, and quoted if it has a dot"
        )
    if hidden := [name for name in given if name.endswith(("password", "jaas.config"))]:
        raise Misconfigured(
            f"{SETTINGS}: connector_settings: {hidden[0]} is a secret, which doesn't belong in a"
            " file that gets shared"
        )
    return dict(given)


def _tables(connector: str, content: Mapping[str, Any]) -> dict[str, SourceTable]:
    found: dict[str, SourceTable] = {}
    for name, of in content.items():
        table = _table(connector, name, of)
        if table.name in found:
            raise Misconfigured(f"{SETTINGS}: two tables are called {table.name}")
        found[table.name] = table
    return found


def _table(connector: str, original: str, content: Any) -> SourceTable:
    name = fold(connector, original)
    if name.startswith(_RESERVED) or name == "changed":
        raise Misconfigured(f"{SETTINGS}: a table can't be called {name}")
    known = ("key", "columns", "units", "topic")
    if not isinstance(content, dict) or (unknown := content.keys() - set(known)):
        shown = sorted(unknown)[0] if isinstance(content, dict) else content
        raise Misconfigured(f"{SETTINGS}: tables.{name}: {shown!r} is none of {', '.join(known)}")
    key = content.get("key")
    if not isinstance(key, list) or not key or not all(isinstance(k, str) for k in key):
        raise Misconfigured(f'{SETTINGS}: tables.{name} needs key = ["<column>", …]')
    columns = _of_columns(connector, name, content, "columns")
    units = _of_columns(connector, name, content, "units")
    if wrong := set(units.values()) - UNITS.keys():
        raise Misconfigured(f"{SETTINGS}: tables.{name}.units: {min(wrong)!r} is no ms, us or ns")
    return SourceTable(
        name,
        tuple(fold(connector, column) for column in key),
        {column: replica_type(connector, type_) for column, type_ in columns.items()},
        original="" if name == original else original,
        topic=_text(content, "topic") or "",
        units=units,
    )


def _of_columns(
    connector: str, table: str, content: Mapping[str, Any], name: str
) -> dict[str, str]:
    found = content.get(name, {})
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise Misconfigured(f"{SETTINGS}: tables.{table}.{name} must be column = text")
    return {fold(connector, column): text for column, text in found.items()}


def _mappings(
    files: Mapping[str, str], content: Mapping[str, Any], tables: Mapping[str, SourceTable]
) -> dict[str, MappingFile]:
    connector = str(content.get("connector", "postgresql"))
    affects, whole = _section(content, "affects"), _section(content, "whole")
    every = _section(content, "every")
    found = {}
    for file, text in files.items():
        if file == SETTINGS:
            continue
        master = file.removesuffix(".sql")
        if master not in CAPTURED:
            raise Misconfigured(f"{file}: {master} is no master table: {', '.join(CAPTURED)}")
        hints, always = affects.get(master, {}), whole.get(master, [])
        if not isinstance(hints, dict) or not isinstance(always, list):
            raise Misconfigured(f"{SETTINGS}: affects.{master} is a table, whole.{master} a list")
        hints = {fold(connector, table): hint for table, hint in hints.items()}
        always = [fold(connector, str(table)) for table in always]
        if unknown := ({*hints, *always} - tables.keys()):
            raise Misconfigured(f"{SETTINGS}: {master}: there is no table {sorted(unknown)[0]}")
        seconds = every.get(master)
        if seconds is not None and (not isinstance(seconds, int | float) or not seconds > 0):
            raise Misconfigured(f"{SETTINGS}: every.{master} must be a number of seconds above 0")
        found[master] = MappingFile(master, text, hints, frozenset(always), seconds)
    if not found:
        raise Misconfigured("the source's folder holds no SELECT: <master table>.sql")
    if unknown := ({*affects, *whole, *every} - found.keys()):
        raise Misconfigured(f"{SETTINGS}: there is no {sorted(unknown)[0]}.sql")
    return found

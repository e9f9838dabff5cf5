"""A source as its folder defines it: `source.toml` and one SELECT per master table."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import TokenType

from adapters.ingestion.master.tables import CAPTURED
from adapters.source.blocks import DIALECT
from domain.failures import Misconfigured

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}$")
CONNECTORS = ("postgresql",)
_RESERVED = ("__", "pg_")


@dataclass(frozen=True)
class SourceTable:
    """A table of the source."""

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column → PostgreSQL type of the replica; empty where the source itself is asked."""


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


@dataclass(frozen=True)
class Source:
    """A foreign master and how it is mapped."""

    name: str
    tables: Mapping[str, SourceTable]
    mappings: Mapping[str, MappingFile]
    connector: str = "postgresql"
    database: str | None = None
    """Name of the environment variable that holds the address of its database."""
    schema: str = "public"
    """Schema of its tables in that database."""
    topics: str = ""
    """Prefix of its topics; a table's topic is `<prefix>.<schema>.<table>`."""

    @property
    def replica(self) -> str:
        """Schema of the master database that holds its tables as they are."""
        return f"source_{self.name}"

    @property
    def mark(self) -> str:
        """`message_id` of the master rows that come of it."""
        return f"source:{self.name}"


def read_folder(folder: Path) -> Source:
    """The source that a folder defines. Raises Misconfigured."""
    try:
        content = tomllib.loads((folder / "source.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{folder / 'source.toml'} can't be read: {error}") from error
    known = {"name", "connector", "database", "schema", "topics", "tables", "affects", "whole"}
    if unknown := content.keys() - known:
        raise Misconfigured(
            f"source.toml: {sorted(unknown)[0]} is unknown; it may set {sorted(known)}"
        )
    name = content.get("name", folder.resolve().name)
    if not isinstance(name, str) or not _NAME.match(name):
        raise Misconfigured(
            f"source.toml: name is {name!r}; take a-z, 0-9 and _, at most 40, a letter first"
        )
    connector = content.get("connector", "postgresql")
    if connector not in CONNECTORS:
        raise Misconfigured(
            f"source.toml: connector is {connector!r}; there are: {', '.join(CONNECTORS)}"
        )
    tables = {n: _table(n, t) for n, t in _section(content, "tables").items()}
    if not tables:
        raise Misconfigured('source.toml names no tables: [tables.<name>] key = ["<column>"]')
    return Source(
        name=name,
        tables=tables,
        mappings=_mappings(folder, content, tables),
        connector=connector,
        database=_text(content, "database"),
        schema=_text(content, "schema") or "public",
        topics=_text(content, "topics") or name,
    )


def _text(content: Mapping[str, Any], name: str) -> str | None:
    value = content.get(name)
    if value is not None and not isinstance(value, str):
        raise Misconfigured(f"source.toml: {name} must be text")
    return value


def _section(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name, {})
    if not isinstance(value, dict):
        raise Misconfigured(f"source.toml: {name} must be a table of TOML")
    return value


def _table(name: str, content: Any) -> SourceTable:
    if name.startswith(_RESERVED) or name == "changed":
        raise Misconfigured(f"source.toml: a table can't be called {name}")
    if not isinstance(content, dict) or (unknown := content.keys() - {"key", "columns"}):
        shown = sorted(unknown)[0] if isinstance(content, dict) else content
        raise Misconfigured(f"source.toml: tables.{name}: {shown!r} is not key or columns")
    key = content.get("key")
    if not isinstance(key, list) or not key or not all(isinstance(k, str) for k in key):
        raise Misconfigured(f'source.toml: tables.{name} needs key = ["<column>", …]')
    columns = content.get("columns", {})
    if not isinstance(columns, dict) or not all(isinstance(t, str) for t in columns.values()):
        raise Misconfigured(f"source.toml: tables.{name}.columns must be name = type")
    return SourceTable(name, tuple(key), columns)


def _mappings(
    folder: Path, content: Mapping[str, Any], tables: Mapping[str, SourceTable]
) -> dict[str, MappingFile]:
    affects, whole = _section(content, "affects"), _section(content, "whole")
    found = {}
    for file in sorted(folder.glob("*.sql")):
        master = file.stem
        if master not in CAPTURED:
            raise Misconfigured(f"{file.name}: {master} is no master table: {', '.join(CAPTURED)}")
        hints, always = affects.get(master, {}), whole.get(master, [])
        if not isinstance(hints, dict) or not isinstance(always, list):
            raise Misconfigured(f"source.toml: affects.{master} is a table, whole.{master} a list")
        if unknown := ({*hints, *always} - tables.keys()):
            raise Misconfigured(f"source.toml: {master}: there is no table {sorted(unknown)[0]}")
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(f"{file.name} can't be read: {error}") from error
        found[master] = MappingFile(master, text, hints, frozenset(always))
    if not found:
        raise Misconfigured(f"{folder} holds no SELECT: <master table>.sql")
    if unknown := ({*affects, *whole} - found.keys()):
        raise Misconfigured(f"source.toml: there is no {sorted(unknown)[0]}.sql")
    return found


def bare(text: str) -> str:
    """A statement without its last semicolon and what follows, so that it can be a subquery."""
    for token in sqlglot.tokenize(text, dialect=DIALECT):
        if token.token_type is TokenType.SEMICOLON:
            return text[: token.start]
    return text

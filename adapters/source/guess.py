"""A first guess of a source's mapping, by the names and types of its tables' columns.

It is a draft for a person: what is found by name is written down, and `catalog source check` says
what it lacks. A table reaches another one by the shortest way of references.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from adapters.source.postgres import FoundTable, Reference

_TABLES: Mapping[str, tuple[str, ...]] = {
    "label": ("label", "labels", "imprint", "recordlabel"),
    "artist": ("artist", "artists", "performer", "performers"),
    "release": ("release", "releases", "album", "albums", "product", "products"),
    "recording": ("recording", "recordings", "soundrecording"),
    "track": ("track", "tracks", "song", "songs"),
}
"""Master table → what it is called elsewhere, folded."""
_CREDIT = ("artistcredit", "artistcredits", "credit")

_COLUMNS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "label": {"name": ("name", "labelname", "title")},
    "artist": {
        "display_name": ("name", "displayname", "artistname"),
        "sort_name": ("sortname",),
    },
    "release": {
        "title": ("title", "name", "releasetitle", "albumtitle"),
        "version_title": ("version", "versiontitle", "subtitle"),
        "display_artist": ("displayartist", "artistname"),
        "release_type": ("releasetype", "albumtype"),
        "release_year": ("releaseyear", "year"),
        "original_release_date": ("originalreleasedate", "releasedate"),
        "pline": ("pline",),
        "cline": ("cline",),
    },
    "recording": {
        "title": ("title", "name"),
        "duration_ms": ("durationms", "length", "milliseconds"),
        "display_artist": ("displayartist",),
    },
    "track": {
        "disc_number": ("discnumber", "disc", "discno", "mediumnumber"),
        "track_number": ("tracknumber", "trackno", "position", "sequence", "number"),
        "title": ("title", "name", "tracktitle"),
        "version_title": ("version", "versiontitle", "subtitle"),
        "display_artist": ("displayartist", "artistname"),
        "duration_ms": ("durationms", "length", "milliseconds"),
    },
}
_NUMBERS = {
    "release_year": ("smallint", "integer", "bigint"),
    "duration_ms": ("smallint", "integer", "bigint"),
    "disc_number": ("smallint", "integer", "bigint"),
    "track_number": ("smallint", "integer", "bigint"),
    "original_release_date": ("date",),
}
"""Columns of the master that need a type, and which ones give it."""
_SCHEMES: Mapping[str, tuple[str, ...]] = {
    "isrc": ("isrc",),
    "upc": ("upc", "barcode", "ean", "gtin", "upccode"),
    "grid": ("grid",),
}
_OWNERS = {"isrc": ("recording", "track"), "upc": ("release",), "grid": ("release",)}
_OWNED = {"track": ("release", "recording", "artist"), "release": ("label", "artist")}
"""Master table → those that its rows name, as `<other>_id`."""


@dataclass(frozen=True)
class Guess:
    """What a source's folder may begin with."""

    tables: dict[str, FoundTable]
    """Those that mappings read."""
    files: dict[str, str]
    """Master table → its SELECT."""


def guess(found: Sequence[FoundTable], name: str) -> Guess:
    """Mappings of the tables of a database, for a source of this name."""
    tables = {table.name: table for table in _with_implied([t for t in found if t.key])}
    of = {
        master: table
        for master, names in _TABLES.items()
        if (table := _called(tables.values(), names)) is not None
    }
    return _Guessing(tables, of, name).guess()


class _Guessing:
    def __init__(
        self, tables: Mapping[str, FoundTable], of: Mapping[str, FoundTable], name: str
    ) -> None:
        self._tables, self._of, self._name = tables, of, name
        self._read: set[str] = set()

    def guess(self) -> Guess:
        files = {master: self._select(master, table) for master, table in self._of.items()}
        if numbers := self._identifiers():
            files["identifier"] = "\nUNION ALL\n".join(numbers) + "\n"
        return Guess({t: self._tables[t] for t in self._tables if t in self._read}, files)

    def _id(self, master: str, alias: str, table: FoundTable) -> str:
        key = " || '-' || ".join(f"{alias}.{_quoted(column)}" for column in table.key)
        return f"'{self._name}-{master}-' || {key}"

    def _select(self, master: str, table: FoundTable) -> str:
        joins = _Joins(self._tables, table)
        items = [f"{self._id(master, 't', table)} AS id"]
        missing = []
        for column, names in _COLUMNS[master].items():
            if (own := _column(table, names, _NUMBERS.get(column))) is not None:
                items.append(f"t.{_quoted(own)} AS {column}")
            else:
                missing.append(column)
        for other in (o for o in _OWNED.get(master, ()) if o in self._of):
            if (alias := joins.to(self._of[other])) is not None:
                items.append(f"{self._id(other, alias, self._of[other])} AS {other}_id")
        if "display_artist" in missing and (found := self._artist(joins)) is not None:
            items.append(f"{found} AS display_artist")
        if "disc_number" in missing:
            for step, alias in joins.between("release", self._of):
                if (own := _column(step, _COLUMNS["track"]["track_number"], None)) is not None:
                    items.append(f"{alias}.{_quoted(own)} AS disc_number")
        self._read |= joins.read
        return "SELECT " + ",\n       ".join(items) + f"\n{joins.clause()}\n"

    def _artist(self, joins: _Joins) -> str | None:
        credit = _called(self._tables.values(), _CREDIT)
        for table in (credit, self._of.get("artist")):
            if table is None:
                continue
            name = _column(table, ("name", "displayname", "artistname"), None)
            if name is not None and (alias := joins.to(table)) is not None:
                return f"{alias}.{_quoted(name)}"
        return None

    def _identifiers(self) -> list[str]:
        found = []
        for scheme, names in _SCHEMES.items():
            for table in self._tables.values():
                column = _column(table, names, None)
                if column is None:
                    continue
                joins = _Joins(self._tables, table)
                for owner in (o for o in _OWNERS[scheme] if o in self._of):
                    if (alias := joins.to(self._of[owner])) is not None:
                        self._read |= joins.read
                        owned = self._id(owner, alias, self._of[owner])
                        found.append(
                            f"SELECT {self._id(f'{scheme}-{table.name}', 't', table)} AS id,\n"
                            f"       '{owner}' AS owner_type, {owned} AS owner_id,\n"
                            f"       '{scheme}' AS scheme, t.{_quoted(column)} AS value_raw\n"
                            f"{joins.clause()}\nWHERE t.{_quoted(column)} IS NOT NULL"
                        )
                        break
        return found


def _with_implied(tables: Sequence[FoundTable]) -> list[FoundTable]:
    """The tables with references that their names imply: many databases declare none.

    `releaseId` names the table whose key is called so, `release_id` the table `release` (or
    `releases`) whose key is `id`; what could be two tables is neither.
    """
    named: dict[str, set[tuple[str, str]]] = {}
    for table in tables:
        if len(table.key) == 1:
            (key,) = table.key
            called = _folded(table.name)
            names = [f"{called}id", f"{called.removesuffix('s')}id"]
            for name in {_folded(key)} if _folded(key) != "id" else set(names):
                named.setdefault(name, set()).add((table.name, key))
    return [
        replace(table, references=(*table.references, *_implied(table, named))) for table in tables
    ]


def _implied(table: FoundTable, named: Mapping[str, set[tuple[str, str]]]) -> Iterator[Reference]:
    declared = {reference.column for reference in table.references}
    for column in (c for c in table.columns if c not in declared):
        found = named.get(_folded(column), set())
        if len(found) == 1:
            ((other, key),) = found
            if other != table.name:
                yield Reference(column, other, key)


class _Joins:
    """The FROM clause of a statement about one table, as far as others are needed."""

    def __init__(self, tables: Mapping[str, FoundTable], table: FoundTable) -> None:
        self._tables, self._table = tables, table
        self._aliases = {table.name: "t"}
        self._lines = [f"FROM {_quoted(table.name)} t"]

    @property
    def read(self) -> set[str]:
        """Names of the tables that are read."""
        return set(self._aliases)

    def clause(self) -> str:
        return "\n".join(self._lines)

    def to(self, other: FoundTable) -> str | None:
        """The alias of another table, joined by references; None where none lead there."""
        way = _way(self._tables, self._table, other)
        if way is None:
            return None
        alias = "t"
        for reference in way:
            if reference.table not in self._aliases:
                new = _alias(reference.table, self._aliases.values())
                self._aliases[reference.table] = new
                self._lines.append(
                    f"LEFT JOIN {_quoted(reference.table)} {new}"
                    f" ON {new}.{_quoted(reference.its)} = {alias}.{_quoted(reference.column)}"
                )
            alias = self._aliases[reference.table]
        return alias

    def between(self, master: str, of: Mapping[str, FoundTable]) -> list[tuple[FoundTable, str]]:
        """Tables on the way to that of a master table, with their aliases."""
        target = of.get(master)
        way = None if target is None else _way(self._tables, self._table, target)
        return [
            (self._tables[step.table], self._aliases[step.table])
            for step in (way or [])[:-1]
            if step.table in self._aliases
        ]


def _way(
    tables: Mapping[str, FoundTable], start: FoundTable, end: FoundTable
) -> list[Reference] | None:
    """The shortest way of references; empty from a table to itself."""
    ways: deque[tuple[FoundTable, list[Reference]]] = deque([(start, [])])
    seen = {start.name}
    while ways:
        table, way = ways.popleft()
        if table.name == end.name:
            return way
        for reference in table.references:
            if reference.table not in seen and reference.table in tables:
                seen.add(reference.table)
                ways.append((tables[reference.table], [*way, reference]))
    return None


def _called(tables: Iterable[FoundTable], names: Sequence[str]) -> FoundTable | None:
    by_name = {_folded(table.name): table for table in tables}
    return next((by_name[name] for name in names if name in by_name), None)


def _column(table: FoundTable, names: Sequence[str], types: Sequence[str] | None) -> str | None:
    named = {r.column for r in table.references}
    by_name = {
        _folded(column): column
        for column, type_ in table.columns.items()
        if column not in named and (types is None or type_ in types)
    }
    return next((by_name[name] for name in names if name in by_name), None)


def _folded(name: str) -> str:
    return name.replace("_", "").replace(" ", "").lower()


def _alias(table: str, taken: Iterable[str]) -> str:
    letters = _folded(table) or "x"
    for length in range(1, len(letters) + 1):
        if (alias := letters[:length]) not in taken:
            return (
                alias if alias.isidentifier() and alias not in ("as", "on", "in") else f"{alias}1"
            )
    return f"{letters}1"


def _quoted(name: str) -> str:
    plain = name.isidentifier() and name == name.lower() and name.isascii()
    return name if plain and name not in _RESERVED else '"' + name.replace('"', '""') + '"'


_RESERVED = frozenset(
    {
        "all", "and", "any", "as", "asc", "between", "both", "case", "cast", "check", "collate",
        "column", "constraint", "create", "default", "desc", "distinct", "do", "else", "end",
        "except", "false", "for", "foreign", "from", "grant", "group", "having", "in",
        "initially", "into", "limit", "not", "null", "offset", "on", "only", "or", "order",
        "primary", "references", "select", "some", "table", "then", "to", "true", "union",
        "unique", "user", "using", "when", "where", "window", "with",
    }
)  # fmt: skip
"""Words that PostgreSQL takes for no name without quotes, as far as columns are called so."""

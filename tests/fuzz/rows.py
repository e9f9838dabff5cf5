"""Rows of the master with odd values in every column of every captured table, and their judge.

Values are texts that PostgreSQL casts to the column's type; what it refuses was never in a master.
What the read catalog must say of a row is asked of the master in plain SQL, past the product's own
code.
"""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from random import Random
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from adapters.capture.columns import TABLES, Kind
from adapters.capture.unavailable import UNAVAILABLE

_TYPES: dict[Kind, str] = {
    Kind.TEXT: "text",
    Kind.INTEGER: "integer",
    Kind.FLOAT: "double precision",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: "date",
    Kind.INSTANT: "timestamptz",
    Kind.BEGIN: "timestamptz",
    Kind.END: "timestamptz",
    Kind.TEXTS: "text[]",
    Kind.JSON: "jsonb",
}
_TEXTS = (
    "", " ", "\t\r\n", "null", "NULL", "NaN", "\\N", "\\", "\\u0000", "\\ud800", "'", '"', "''",
    "a'b\"c", "$$", "%s", "{}", "[]", '{"a": 1}', "\u0001\u001f\u007f\u0085", "\u2028\u2029",
    "\ufeffx", "\ufffe\uffff", "e\u0301", "😀", "👨\u200d👩\u200d👧", "مرحبا", "\u202ex", "𝕏" * 300,
    "x" * 10_000, "Ω" * 60_000, UNAVAILABLE, f"{UNAVAILABLE} ",
    "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==",
    "[Ljava.lang.String;@1b2c3d", "${file:/etc/passwd:root}", "Download", "PermanentDownload",
    "purged", "0",
)  # fmt: skip
_TIMES = (
    "infinity", "-infinity", "4713-01-01 BC", "0044-03-15 BC", "0001-01-01 BC", "0001-01-01",
    "0001-01-02",
    "9999-12-31", "10000-01-01", "294276-12-31", "1582-10-10", "1900-02-28", "2000-02-29",
    "1970-01-01",
)  # fmt: skip
_HOURS = ("", " 00:00:00.000001+00", " 23:59:59.999999-15:59", " 12:00:00+15:59", " 24:00:00+00")
_DEEP = 1_500
_DOCUMENTS = (
    "null", '"x"', "3", "true", "{}", "[]", "[null]", "[[]]", "[{}]", "[" * _DEEP + "]" * _DEEP,
    '[{"amount": 1e400}]', '[{"amount": 1e-300}]', '[{"amount": "NaN"}]', '[{"amount": ""}]',
    '[{"amount": "1e5"}]', '[{"amount": "999999999999.999999"}]', '[{"amount": "1000000000000"}]',
    '[{"amount": 0.1234567}]', '[{"amount": -0.0}]', '[{"amount": true}]', '[{"amount": null}]',
    '[{"amount": "1", "currency": 1}]', '[{"amount": "1.5", "currency": "\\ud83d\\ude00"}]',
    '[{"amount": "٣"}]', '[{"amount": "1_0"}]', '[{"amount": " 1"}]',
    '[{"code": "\\",\\"kind\\":null"}]',
    '[{"code": "a\\nb\\u2028", "namespace": ""}]',
    '[{"amount": "1"}, {"amount": "2.500"}, {"kind": "x"}]',
    '[{"amount": "1", "other": {"deep": [1, 2, {"x": "y"}]}}]',
    "[" + ", ".join(['{"amount": "0.99", "currency": "EUR"}'] * 2_000) + "]",
)  # fmt: skip
_LISTS = (
    "{}", '{""}', "{NULL}", "{a,NULL}", "{{a,b},{c,d}}", "{{}}", "[0:1]={a,b}",
    '{"a,b","c}d","\\""}',
    '{"\\\\","{}","[]","null"}', f"{{{UNAVAILABLE}}}", "{GB,gb,ZZ,Worldwide}", "{😀,Ω}",
    "{" + ",".join(map(str, range(5_000))) + "}", "{" + "x" * 20_000 + "}",
    "{[Ljava.lang.String;@1b2c3d}",
)  # fmt: skip
_ODD: dict[Kind, Sequence[str]] = {
    Kind.TEXT: _TEXTS,
    Kind.INTEGER: ("0", "-0", "-1", "2147483647", "-2147483648"),
    Kind.FLOAT: ("NaN", "Infinity", "-Infinity", "-0", "5e-324", "1.7976931348623157e308", "0.1"),
    Kind.BOOLEAN: ("t", "f"),
    Kind.DATE: _TIMES,
    Kind.TEXTS: _LISTS,
    Kind.JSON: _DOCUMENTS,
}
_IDS = (
    "'", '"', "''", "\\", "\\'", "%", "_", "${x}", "a b", "\t\n\r", "\u2028", "\ufeff", "😀", "é",
    "e\u0301",
    "{}", "[1]", "null", "/../", "a/b?c#d&e", ";--", "' OR true --", "\u0001\u007f",
    "$1", UNAVAILABLE,
)  # fmt: skip
_PRICE = ("amount", "currency", "code", "namespace", "kind")

Expression = Callable[[Kind, sql.Composable], sql.Composable]
"""Of a column: what of it is compared."""


class Row(NamedTuple):
    """A row to be written: its table and the texts of its columns, its id among them."""

    table: str
    values: dict[str, str | None]

    @property
    def id(self) -> str:
        identity = self.values["id"]
        assert identity is not None
        return identity


def odd_row(chance: Random, number: int) -> Row:
    """A row with one to all of its columns odd; every table comes in turn."""
    table = sorted(TABLES)[number % len(TABLES)]
    kinds = TABLES[table]
    names = [name for name in kinds if name != "id"]
    chosen = chance.sample(names, chance.choice((1, 1, 2, len(names))))
    return Row(table, {"id": _odd_id(chance, number), **_odd(chance, table, chosen)})


def odder(chance: Random, row: Row) -> Row:
    """The same row with other odd values."""
    names = [name for name in TABLES[row.table] if name != "id"]
    chosen = chance.sample(names, chance.choice((1, 2, len(names))))
    return Row(row.table, {"id": row.id, **_odd(chance, row.table, chosen)})


def good_row(number: int) -> Row:
    """A neighbour: nothing about it is odd."""
    return Row(sorted(TABLES)[number % len(TABLES)], {"id": f"good-{number}"})


def _odd(chance: Random, table: str, names: Sequence[str]) -> dict[str, str | None]:
    return {name: _odd_value(chance, TABLES[table][name]) for name in names}


def _odd_value(chance: Random, kind: Kind) -> str:
    if kind in (Kind.INSTANT, Kind.BEGIN, Kind.END):
        day = chance.choice(_TIMES)
        time = chance.choice(_HOURS)
        return day if "infinity" in day else day.replace(" BC", "") + time + " BC" * ("BC" in day)
    return chance.choice(_ODD[kind])


def _odd_id(chance: Random, number: int) -> str:
    match chance.randrange(4):
        case 0:
            return f"odd-{number}"
        case 1:  # what an index takes: long texts that are packed, short ones that can't be
            return f"odd-{number}-" + chance.choice(("x" * 10_000, chance.randbytes(1_200).hex()))
        case _:
            return f"odd-{number}-" + chance.choice(_IDS)


def write(master: psycopg.Connection[Any], row: Row, *, is_new: bool) -> bool:
    """Insert or update a row, each in a commit of its own; whether PostgreSQL took it."""
    kinds = TABLES[row.table]
    table = sql.Identifier("public", row.table)
    casts = {name: sql.SQL("%s::" + _TYPES[kinds[name]]) for name in row.values}
    if is_new:
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            table,
            sql.SQL(", ").join(map(sql.Identifier, casts)),
            sql.SQL(", ").join(casts.values()),
        )
        values = list(row.values.values())
    else:
        of = [name for name in casts if name != "id"]
        statement = sql.SQL("UPDATE {} SET {} WHERE id = %s").format(
            table,
            sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(n), casts[n]) for n in of),
        )
        values = [*(row.values[name] for name in of), row.id]
    try:
        master.execute(statement, values)
    except (psycopg.errors.DataError, psycopg.errors.ProgramLimitExceeded):
        return False
    return True


def in_master(master: psycopg.Connection[Any], table: str) -> dict[str, tuple[object, ...]]:
    """Id → what the read catalog must say of each of our rows of a table, in texts."""
    rows = _rows(master, ("public", table), table, _expected)
    if table != "deal":
        return rows
    use_type = _columns(table).index("use_type")
    return {id: (*row, str(row[use_type]).endswith("Download")) for id, row in rows.items()}


def in_read_catalog(read: psycopg.Connection[Any], table: str) -> dict[str, tuple[object, ...]]:
    """Id → what the read catalog says of each of our rows of a master's table."""
    names = ("download_offer", "streaming_right") if table == "deal" else (table,)
    found: dict[str, tuple[object, ...]] = {}
    for name in names:
        rows = _rows(read, ("catalog", name), table, lambda _, column: column)
        is_download = name == "download_offer"
        assert not rows.keys() & found.keys(), "a deal is on one side"
        found |= {id: (*row, is_download) if table == "deal" else row for id, row in rows.items()}
    return found


def differing(
    table: str, expected: tuple[object, ...], found: tuple[object, ...] | None
) -> list[str]:
    """Columns that aren't alike, each with the beginning of both values."""
    if found is None:
        return [f"{table}: not in the read catalog"]
    return [
        f"{table}.{name}: {_short(wanted)}, not {_short(there)}"
        for name, wanted, there in zip((*_columns(table), "side"), expected, found, strict=False)
        if wanted != there
    ]


def _short(value: object) -> str:
    return f"{value!r:.200}"


def _columns(table: str) -> list[str]:
    """Those that the read catalog has too, but for the id."""
    return [name for name in TABLES[table] if name not in ("id", "message_id")]


def _rows(
    connection: psycopg.Connection[Any],
    place: tuple[str, str],
    table: str,
    expression: Expression,
) -> dict[str, tuple[object, ...]]:
    kinds, names = TABLES[table], _columns(table)
    columns = [_comparable(kinds[name], expression, sql.Identifier(name)) for name in names]
    texts = sql.SQL(", ").join(sql.SQL("({})::text").format(column) for column in columns)
    statement = sql.SQL("SELECT id, {} FROM {} WHERE id LIKE 'odd-%' OR id LIKE 'good-%'").format(
        texts, sql.Identifier(*place)
    )
    with connection.transaction():
        connection.execute("SET LOCAL timezone = 'UTC'")
        found = connection.execute(statement).fetchall()
    return {
        id: tuple(
            _prices(cell) if kinds[name] is Kind.JSON else cell
            for name, cell in zip(names, cells, strict=True)
        )
        for id, *cells in found
    }


def _comparable(kind: Kind, expression: Expression, column: sql.Composable) -> sql.Composable:
    """Where an array's count begins is no part of it."""
    made = expression(kind, column)
    return sql.SQL("to_json({})").format(made) if kind is Kind.TEXTS else made


def _expected(kind: Kind, column: sql.Composable) -> sql.Composable:
    """A bound beyond the years of events is kept as what it means (`adapters.capture.values`)."""
    if kind is Kind.BEGIN:
        return sql.SQL(
            "CASE WHEN {0} >= '10000-01-01Z' THEN '9999-12-31Z'"
            " WHEN {0} < '0001-01-01Z' THEN NULL ELSE {0} END"
        ).format(column)
    if kind is Kind.END:
        return sql.SQL(
            "CASE WHEN {0} >= '10000-01-01Z' THEN NULL"
            " WHEN {0} < '0001-01-01Z' THEN '0001-01-02Z' ELSE {0} END"
        ).format(column)
    return column


def _prices(text: str | None) -> object:
    """Prices as they compare: only what a price has, amounts as numbers."""
    try:
        found = None if text is None else json.loads(text)
    except RecursionError:
        return text
    if not isinstance(found, list):
        return found
    return [
        {
            name: _amount(value) if name == "amount" else value
            for name in _PRICE
            if (value := price.get(name)) is not None
        }
        if isinstance(price, dict)
        else price
        for price in found
    ]


def _amount(value: object) -> object:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return value

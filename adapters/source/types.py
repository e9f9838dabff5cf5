"""Column types of the databases that are masters, as PostgreSQL's for the replica.

What a source's table declares may be copied into `source.toml` as it is: `BIGINT UNSIGNED`,
`nvarchar(max)`, `NUMBER(10)`. Lengths are left out, so that they may be widened. What Debezium
can't send is refused here, by name, before anything is captured.

Source: Debezium's documentation of each connector, "Data type mappings".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from domain.failures import Misconfigured

_TEXT = "text"
_LOCAL = "timestamp without time zone"
_ZONED = "timestamp with time zone"

_BINLOG: Mapping[str, str] = {
    # tinyint(1) is how BOOLEAN is kept, and holds -128 to 127 all the same: a mapping says
    # `active <> 0`, or the column is declared boolean
    "tinyint": "smallint", "bool": "smallint", "boolean": "smallint", "smallint": "smallint",
    "mediumint": "integer", "int": "integer", "integer": "integer", "bigint": "bigint",
    "smallint unsigned": "integer", "int unsigned": "bigint", "integer unsigned": "bigint",
    "bigint unsigned": "numeric(20,0)", "year": "integer", "decimal": "numeric",
    "numeric": "numeric", "dec": "numeric", "fixed": "numeric", "float": "double precision",
    "double": "double precision", "double precision": "double precision",
    "real": "double precision", "bit": "bytea", "date": "date", "datetime": _LOCAL,
    "timestamp": _ZONED, "time": "interval", "char": _TEXT, "varchar": _TEXT, "tinytext": _TEXT,
    "text": _TEXT, "mediumtext": _TEXT, "longtext": _TEXT, "enum": _TEXT, "set": _TEXT,
    "json": "jsonb", "binary": "bytea", "varbinary": "bytea", "tinyblob": "bytea",
    "blob": "bytea", "mediumblob": "bytea", "longblob": "bytea", "uuid": "uuid", "inet4": _TEXT,
    "inet6": _TEXT,
}  # fmt: skip
_SQL_SERVER: Mapping[str, str] = {
    "bit": "boolean", "tinyint": "smallint", "smallint": "smallint", "int": "integer",
    "bigint": "bigint", "real": "real", "float": "double precision", "decimal": "numeric",
    "numeric": "numeric", "money": "numeric", "smallmoney": "numeric", "char": _TEXT,
    "varchar": _TEXT, "text": _TEXT, "nchar": _TEXT, "nvarchar": _TEXT, "ntext": _TEXT,
    "sysname": _TEXT, "xml": _TEXT, "date": "date", "time": "time without time zone",
    "datetime": _LOCAL, "smalldatetime": _LOCAL, "datetime2": _LOCAL, "datetimeoffset": _ZONED,
    "uniqueidentifier": "uuid", "binary": "bytea", "varbinary": "bytea", "image": "bytea",
    "rowversion": "bytea", "timestamp": "bytea",
}  # fmt: skip
_ORACLE: Mapping[str, str] = {
    "number": "numeric", "numeric": "numeric", "decimal": "numeric", "integer": "numeric",
    "int": "numeric", "smallint": "numeric", "float": "numeric", "real": "numeric",
    "double precision": "numeric", "binary_float": "real", "binary_double": "double precision",
    "char": _TEXT, "nchar": _TEXT, "varchar": _TEXT, "varchar2": _TEXT, "nvarchar2": _TEXT,
    "clob": _TEXT, "nclob": _TEXT, "xmltype": _TEXT, "rowid": _TEXT, "blob": "bytea",
    "raw": "bytea", "date": _LOCAL,  # Oracle's has a time of day
    "timestamp": _LOCAL, "timestamp with time zone": _ZONED,
    "timestamp with local time zone": _ZONED, "interval year to month": "interval",
    "interval day to second": "interval",
}  # fmt: skip
_TYPES: Mapping[str, Mapping[str, str]] = {
    "mariadb": _BINLOG,
    "mysql": _BINLOG,
    "sqlserver": _SQL_SERVER,
    "oracle": _ORACLE,
}
_REFUSED: Mapping[str, frozenset[str]] = {
    "mariadb": frozenset(),
    "mysql": frozenset({"vector"}),
    "sqlserver": frozenset({"sql_variant", "hierarchyid", "geometry", "geography", "cursor"}),
    "oracle": frozenset(
        {"bfile", "long", "long raw", "urowid", "vector", "boolean", "sdo_geometry", "anydata"}
    ),
}
_SPATIAL = frozenset(
    {
        "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring",
        "multipolygon", "geometrycollection", "geomcollection",
    }
)  # fmt: skip


def replica_type(connector: str, declared: str) -> str:
    """PostgreSQL's type for a column that its source declares so; others are taken as they are.

    Raises Misconfigured for what can't be captured.
    """
    types = _TYPES.get(connector)
    if types is None:
        return declared
    words, lengths = _words(declared)
    if words in _REFUSED[connector] or words in _SPATIAL:
        raise Misconfigured(
            f"{declared} of {connector} can't be replicated: leave the column out of columns"
        )
    if words == "number" and lengths.isdecimal():
        return _whole_number(int(lengths))
    if words == "bit" and connector != "sqlserver" and lengths in ("", "1"):
        return "boolean"
    if connector in ("mariadb", "mysql"):
        words = words.replace(" zerofill", "")
        if words not in types:
            words = words.replace(" unsigned", "").replace(" signed", "")
    return types.get(words, declared)


def _words(declared: str) -> tuple[str, str]:
    """`TIMESTAMP(6) WITH TIME ZONE` → (`timestamp with time zone`, `6`)."""
    words = re.sub(r"\([^)]*\)", " ", declared.lower())
    lengths = re.search(r"\(([^)]*)\)", declared)
    return " ".join(words.split()), "" if lengths is None else lengths[1].strip()


def _whole_number(digits: int) -> str:
    """NUMBER(p) of Oracle: an integer as far as it fits one."""
    if digits < 5:
        return "smallint"
    if digits < 10:
        return "integer"
    return "bigint" if digits < 19 else "numeric"

"""A column's type in the source, as the replica's."""

import pytest

from adapters.source.types import replica_type
from domain.failures import Misconfigured


@pytest.mark.parametrize(
    ("connector", "declared", "type_"),
    [
        ("postgresql", "numeric(10,2)", "numeric(10,2)"),
        ("mariadb", "BIGINT UNSIGNED", "numeric(20,0)"),
        ("mariadb", "bigint(20) unsigned", "numeric(20,0)"),
        ("mariadb", "int(10) unsigned zerofill", "bigint"),
        ("mysql", "tinyint(1)", "smallint"),
        ("mysql", "tinyint unsigned", "smallint"),
        ("mysql", "mediumint unsigned", "integer"),
        ("mariadb", "decimal(10,2) unsigned", "numeric"),
        ("mariadb", "datetime(6)", "timestamp without time zone"),
        ("mariadb", "timestamp", "timestamp with time zone"),
        ("mariadb", "time(3)", "interval"),
        ("mariadb", "bit(1)", "boolean"),
        ("mariadb", "bit(8)", "bytea"),
        ("mariadb", "enum('a','b(c')", "text"),
        ("mariadb", "set('a','b')", "text"),
        ("mariadb", "year(4)", "integer"),
        ("sqlserver", "bit", "boolean"),
        ("sqlserver", "NVARCHAR(MAX)", "text"),
        ("sqlserver", "timestamp", "bytea"),
        ("sqlserver", "datetimeoffset(7)", "timestamp with time zone"),
        ("sqlserver", "uniqueidentifier", "uuid"),
        ("oracle", "NUMBER", "numeric"),
        ("oracle", "NUMBER(1)", "smallint"),
        ("oracle", "NUMBER(9)", "integer"),
        ("oracle", "NUMBER(18)", "bigint"),
        ("oracle", "NUMBER(19)", "numeric"),
        ("oracle", "NUMBER(10,2)", "numeric"),
        ("oracle", "DATE", "timestamp without time zone"),
        ("oracle", "TIMESTAMP(9)", "timestamp without time zone"),
        ("oracle", "TIMESTAMP(6) WITH LOCAL TIME ZONE", "timestamp with time zone"),
        ("oracle", "INTERVAL DAY(3) TO SECOND(6)", "interval"),
        ("oracle", "jsonb", "jsonb"),
    ],
)
def test_types_of_each_database(connector: str, declared: str, type_: str) -> None:
    assert replica_type(connector, declared) == type_


@pytest.mark.parametrize(
    ("connector", "declared"),
    [
        ("mariadb", "GEOMETRY"),
        ("mysql", "point"),
        ("sqlserver", "hierarchyid"),
        ("sqlserver", "geography"),
        ("oracle", "LONG RAW"),
        ("oracle", "BFILE"),
    ],
)
def test_what_cannot_be_captured_is_refused(connector: str, declared: str) -> None:
    with pytest.raises(Misconfigured, match="leave the column out"):
        replica_type(connector, declared)

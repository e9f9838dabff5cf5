"""Settings of the connectors for foreign masters that aren't PostgreSQL.

What all connectors are told is in `adapters.capture.connector`; here is what each database needs
beside. Each of them keeps the history of its tables' definitions in a topic, with a producer and a
consumer of its own, which need the brokers' security as well.

Source: Debezium's documentation of each connector, "Connector properties" and "Database schema
history".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit
from zlib import crc32

from adapters.capture.connector import SQL_SERVER, Capture, Configuration, common_settings
from adapters.capture.signals import java_security, signal_settings
from domain.failures import WrongUsage

_FORMS = {
    "mariadb": "mariadb://user:password@host:3306/database",
    "mysql": "mysql://user:password@host:3306/database",
    "sqlserver": "sqlserver://user:password@host:1433/database",
    "oracle": "oracle://user:password@host:1521/service",
}
_PORTS = {"mariadb": 3306, "mysql": 3306, "sqlserver": 1433, "oracle": 1521}


@dataclass(frozen=True)
class ForeignTables:
    """What is captured of which database."""

    connector: str
    """mariadb, mysql, sqlserver or oracle."""
    database: str
    """MariaDB's and MySQL's database, SQL Server's; Oracle's service or container."""
    schema: str
    """SQL Server's and Oracle's; not asked for otherwise."""
    tables: Sequence[str]
    """As the database calls them."""


def foreign_configuration(
    capture: Capture, of: ForeignTables, address: str, kafka: Mapping[str, str]
) -> Configuration:
    """A connector's settings; `capture.tables` isn't looked at.

    `kafka` is a librdkafka configuration: of the brokers that hold the schema history.
    Raises WrongUsage where the address names no host.
    """
    at = urlsplit(address)
    if not at.hostname:
        raise WrongUsage(f"the address of a {of.connector} source is {_FORMS[of.connector]}")
    return {
        "database.hostname": at.hostname,
        "database.port": str(at.port or _PORTS[of.connector]),
        "database.user": unquote(at.username or ""),
        "database.password": unquote(at.password or ""),
        # Definitions change in the log, where nobody but the connector reads them
        "include.schema.changes": "false",
        **_history(capture.topic_prefix, kafka),
        **_SETTINGS[of.connector](of, at),
        **(signal_settings(capture.topic_prefix, kafka) if of.connector in _READ_ONLY else {}),
        **common_settings(capture),
    }


_READ_ONLY = ("mariadb", "mysql")
"""Take rows in again without a table to write watermarks to; the others need
`signal.data.collection`, a table of the source that its owner makes."""


def _history(prefix: str, kafka: Mapping[str, str]) -> Configuration:
    start = "schema.history.internal"
    security = java_security(kafka)
    return {
        f"{start}.kafka.bootstrap.servers": kafka["bootstrap.servers"],
        f"{start}.kafka.topic": f"{prefix}.schema-history",
        f"{start}.store.only.captured.tables.ddl": "true",
        **{
            f"{start}.{client}.{name}": value
            for client in ("producer", "consumer")
            for name, value in security.items()
        },
    }


def _binlog(of: ForeignTables) -> Configuration:
    return {
        "database.include.list": of.database,
        "table.include.list": ",".join(f"{of.database}.{table}" for table in of.tables),
        # The connector reads the log as a replica does, and each needs a number of its own
        "database.server.id": str(crc32(f"{of.database}/{','.join(of.tables)}".encode()) or 1),
        "bigint.unsigned.handling.mode": "long",
    }


def _mariadb(of: ForeignTables, _: SplitResult) -> Configuration:
    return {
        "connector.class": "io.debezium.connector.mariadb.MariaDbConnector",
        **_binlog(of),
    }


def _mysql(of: ForeignTables, _: SplitResult) -> Configuration:
    return {"connector.class": "io.debezium.connector.mysql.MySqlConnector", **_binlog(of)}


def _sql_server(of: ForeignTables, _: SplitResult) -> Configuration:
    return {
        "connector.class": SQL_SERVER,
        "database.names": of.database,
        "table.include.list": ",".join(f"{of.schema}.{table}" for table in of.tables),
        "snapshot.isolation.mode": "snapshot",  # see `connector.sql_server_configuration`
    }


def _oracle(of: ForeignTables, at: SplitResult) -> Configuration:
    service = at.path.removeprefix("/") or of.database
    container = {} if service == of.database else {"database.pdb.name": of.database}
    return {
        "connector.class": "io.debezium.connector.oracle.OracleConnector",
        "database.dbname": service,
        **container,
        "table.include.list": ",".join(f"{of.schema}.{table}" for table in of.tables),
        "interval.handling.mode": "string",
        "lob.enabled": "true",  # CLOBs are left out otherwise
    }


_SETTINGS: Mapping[str, Callable[[ForeignTables, SplitResult], Configuration]] = {
    "mariadb": _mariadb,
    "mysql": _mysql,
    "sqlserver": _sql_server,
    "oracle": _oracle,
}

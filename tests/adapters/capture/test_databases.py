"""Connectors of foreign masters: what they are told, and that they know all of it."""

import pytest

from adapters.capture.connector import Capture
from adapters.capture.databases import ForeignTables, foreign_configuration
from domain.failures import WrongUsage

KAFKA = {
    "bootstrap.servers": "broker:9093",
    "security.protocol": "SASL_SSL",
    "sasl.mechanisms": "SCRAM-SHA-512",
    "sasl.username": "u",
    "sasl.password": "p",
    "ssl.ca.location": "/ca.pem",
}
OF = {
    "mariadb": ForeignTables("mariadb", "shop", "", ["release", "track"]),
    "mysql": ForeignTables("mysql", "shop", "", ["release", "track"]),
    "sqlserver": ForeignTables("sqlserver", "Catalog", "dbo", ["Release"]),
    "oracle": ForeignTables("oracle", "PDB1", "ERP", ["RELEASE"]),
}


@pytest.mark.parametrize(
    ("connector", "tables", "port"),
    [
        ("mariadb", "shop.release,shop.track", "3306"),
        ("mysql", "shop.release,shop.track", "3306"),
        ("sqlserver", "dbo.Release", "1433"),
        ("oracle", "ERP.RELEASE", "1521"),
    ],
)
def test_each_is_told_its_tables_and_the_brokers_security(
    connector: str, tables: str, port: str
) -> None:
    address = f"{connector}://u%40x:p%2Fw@host/CDB1"
    told = foreign_configuration(Capture([], "erp"), OF[connector], address, KAFKA)
    assert told["table.include.list"] == tables
    assert (told["database.hostname"], told["database.port"]) == ("host", port)
    assert (told["database.user"], told["database.password"]) == ("u@x", "p/w")
    history = "schema.history.internal"
    assert told[f"{history}.kafka.topic"] == "erp.schema-history"
    for client in ("producer", "consumer"):
        assert told[f"{history}.{client}.security.protocol"] == "SASL_SSL"
        assert told[f"{history}.{client}.ssl.truststore.location"] == "/ca.pem"
        assert "ScramLoginModule" in told[f"{history}.{client}.sasl.jaas.config"]
    assert told["include.schema.changes"] == "false"
    assert told["decimal.handling.mode"] == "string"


def test_a_replica_of_its_own_has_a_number_of_its_own() -> None:
    numbers = {
        foreign_configuration(
            Capture([], "erp"),
            ForeignTables("mariadb", "shop", "", tables),
            "mariadb://host/shop",
            KAFKA,
        )["database.server.id"]
        for tables in (["release"], ["track"])
    }
    assert len(numbers) == 2


def test_oracles_container_is_told_beside_its_service() -> None:
    one = foreign_configuration(Capture([], "erp"), OF["oracle"], "oracle://host/CDB1", KAFKA)
    assert (one["database.dbname"], one["database.pdb.name"]) == ("CDB1", "PDB1")
    other = foreign_configuration(Capture([], "erp"), OF["oracle"], "oracle://host", KAFKA)
    assert other["database.dbname"] == "PDB1"
    assert "database.pdb.name" not in other


def test_an_address_without_a_host_is_refused() -> None:
    with pytest.raises(WrongUsage, match="sqlserver://user:password@host:1433"):
        foreign_configuration(Capture([], "erp"), OF["sqlserver"], "sqlserver:///x", KAFKA)

"""Each connector's own class finds nothing wrong in its settings but the absent server."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from adapters.capture.connect import Connect
from adapters.capture.connector import Capture
from adapters.capture.databases import foreign_configuration
from adapters.composition.endpoints import Endpoints
from adapters.composition.engines import running_engines
from adapters.composition.settings import load_settings
from tests.adapters.capture.test_databases import OF

pytestmark = pytest.mark.integration

QUICK = {
    "mariadb": {"connect.timeout.ms": "1000"},
    "mysql": {"connect.timeout.ms": "1000"},
    "sqlserver": {"driver.loginTimeout": "1", "driver.connectRetryCount": "0"},
    "oracle": {"driver.oracle.net.CONNECT_TIMEOUT": "1000"},
}


@pytest.fixture(scope="module")
def with_connectors() -> Iterator[Endpoints]:
    """Kafka and a Connect that has all connectors."""
    with TemporaryDirectory(prefix="catalog-connectors-") as folder:
        settings = load_settings(
            data=Path(folder) / "data", embedded={"connectors": ["mariadb", "mysql", "oracle"]}
        )
        with running_engines(settings, only={"kafka", "connect"}) as endpoints:
            yield endpoints


@pytest.mark.parametrize("connector", OF)
def test_only_the_server_is_missing(with_connectors: Endpoints, connector: str) -> None:
    told = foreign_configuration(
        Capture([], "erp"),
        OF[connector],
        f"{connector}://u:p@127.0.0.1:1/CDB1",
        with_connectors.kafka,
    )
    connect = Connect(with_connectors.connect_url)
    complaints = connect.validate({**told, **QUICK[connector]})
    assert list(complaints) == ["database.hostname"], complaints
    assert "connect" in complaints["database.hostname"][0]
    wrong = connect.validate({**told, **QUICK[connector], "snapshot.mode": "sometimes"})
    assert "snapshot.mode" in wrong

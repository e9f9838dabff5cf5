"""`catalog connect-config`: what a Connect of your own is given, without our secrets."""

import json

import pytest
import typer
from typer.testing import CliRunner

from adapters.cli import connect
from domain.failures import WrongUsage


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """A runner whose engines are all named by the environment; none is asked."""
    named = {
        "KAFKA__BOOTSTRAP": "kafka.example:9092",
        "REGISTRY__URL": "http://registry.example",
        "CONNECT__URL": "http://connect.example",
        "MASTER__URL": "postgresql://capture:hidden@master.example/master",
        "READ__URL": "postgresql://reader:hidden@read.example/read",
        "CONNECT__TOPIC_PREFIX": "acme",
    }
    for name, address in named.items():
        monkeypatch.setenv(f"CATALOG_{name}", address)
    return CliRunner()


def configuration(run: CliRunner, *arguments: str) -> dict[str, str]:
    app = typer.Typer()
    connect.register(app)
    result = run.invoke(app, ["connect-config", *arguments], catch_exceptions=False)
    assert "hidden" not in result.stdout
    found: dict[str, str] = json.loads(result.stdout)
    return found


def test_postgres(run: CliRunner) -> None:
    found = configuration(run, "postgres")
    assert found["database.hostname"] == "master.example"
    assert found["topic.prefix"] == "acme"
    assert "public.release" in found["table.include.list"].split(",")


def test_sql_server(run: CliRunner) -> None:
    found = configuration(run, "sqlserver", "--host", "mssql.example", "--database", "music")
    assert found["database.hostname"] == "mssql.example"
    assert found["database.names"] == "music"
    assert found["schema.history.internal.kafka.bootstrap.servers"] == "kafka.example:9092"


def test_sql_server_needs_a_host(run: CliRunner) -> None:
    with pytest.raises(WrongUsage, match="--host"):
        configuration(run, "sqlserver")

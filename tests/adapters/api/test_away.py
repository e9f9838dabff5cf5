"""`catalog serve` while its database is stopped and started again, as in an upgrade."""

import json
import signal
import tempfile
from pathlib import Path

import httpx
import psycopg
import pytest

from adapters.composition.engines import running_engines
from adapters.composition.settings import load_settings
from tests.adapters.api.records import fill
from tests.adapters.api.serving import prepare
from tests.adapters.api.test_commands import command

pytestmark = pytest.mark.integration

ASKED = ("/v1/lookup/isrc/USSKG1912345", "/v1/releases/R", "/v1/releases", "/health/ready")
ELSEWHERE = {
    "CATALOG_KAFKA__BOOTSTRAP": "127.0.0.1:1",
    "CATALOG_REGISTRY__URL": "http://127.0.0.1:1",
    "CATALOG_CONNECT__URL": "http://127.0.0.1:1",
    "CATALOG_MASTER__URL": "postgresql://postgres@127.0.0.1:1/master",
}
"""So that PostgreSQL alone is started."""


def test_a_server_outlives_its_database(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ELSEWHERE.items():
        monkeypatch.setenv(name, value)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        settings = load_settings(data=Path(folder) / "data")
        with running_engines(settings) as engines:
            prepare(engines.read_dsn)
            with psycopg.connect(engines.read_dsn) as connection:
                fill(connection)
            process = command(engines.read_dsn, "serve", "--port", "0")
            assert process.stderr is not None
            address = json.loads(process.stderr.readline())["address"]
            client = httpx.Client(base_url=address, timeout=30)
            before = [client.get(path) for path in ASKED]
            assert [answer.status_code for answer in before] == [200] * len(ASKED)
        for _ in range(2):
            for path in ASKED:
                answer = client.get(path)
                assert answer.status_code == 503
                assert answer.headers["content-type"] == "application/problem+json"
                assert int(answer.headers["retry-after"]) > 0
                assert answer.json()["type"] == "/problems/database-away"
                assert "Traceback" not in answer.text
        assert client.get("/health/live").status_code == 200
        assert process.poll() is None
        with running_engines(settings) as again:
            assert again.read_dsn == engines.read_dsn
            after = [client.get(path) for path in ASKED]
            assert [answer.status_code for answer in after] == [200] * len(ASKED)
            assert [answer.content for answer in after] == [answer.content for answer in before]
        client.close()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in said

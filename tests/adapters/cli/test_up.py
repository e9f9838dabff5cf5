"""`catalog up`: what it starts, without the engines themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.cli import up
from adapters.cli.interruption import Interrupted
from adapters.composition import engines, services
from adapters.composition.endpoints import Endpoints
from adapters.composition.engines import Supervised
from adapters.event_log.registry_endpoint import RegistryEndpoint

DSN = "postgresql://postgres@127.0.0.1:1/master"
ENDPOINTS = Endpoints(
    {"bootstrap.servers": "127.0.0.1:1"}, RegistryEndpoint("http://127.0.0.1:1"), "", DSN, DSN
)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What was started, in order; Ctrl-C comes at the first look at the engines."""
    found: list[str] = []

    @contextmanager
    def workers(*_: object) -> Iterator[object]:
        found.append("workers")
        yield lambda: None

    @contextmanager
    def supervised(*_: object, **__: object) -> Iterator[Supervised]:
        found.append("engines")
        yield Supervised(ENDPOINTS, stop)

    def stop() -> bool:
        raise Interrupted("SIGINT")

    monkeypatch.setenv("CATALOG_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(engines, "supervised_engines", supervised)
    monkeypatch.setattr(services, "running_workers", workers)
    return found


def test_engines_then_workers(started: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    up.up()
    assert started == ["engines", "workers"]
    assert capsys.readouterr().out.endswith("up; Ctrl-C stops everything\n")


def test_engines_alone_for_who_mends_what_stops_workers(
    started: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    up.up(no_workers=True)
    assert started == ["engines"]
    assert capsys.readouterr().out.endswith("engines only; Ctrl-C stops everything\n")

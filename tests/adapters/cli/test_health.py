"""`catalog health`: an exit code and the reasons, whatever is wrong."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.cli import health, main, status
from adapters.composition import chain
from adapters.composition.endpoints import Endpoints
from adapters.event_log.registry_endpoint import RegistryEndpoint
from adapters.monitoring.health import ChainStatus, GenerationStatus, GroupStatus
from domain.failures import Failure
from tests.adapters.monitoring.test_health import CAPTURE

NOWHERE = Endpoints({}, RegistryEndpoint("http://127.0.0.1:1"), "", "", "")


def _status(*, members: int) -> ChainStatus:
    return ChainStatus(
        at=datetime.now(UTC),
        capture=CAPTURE,
        topics=[],
        groups=[
            GroupStatus(
                stage="project", group="catalog-project", members=members, read_model="catalog"
            )
        ],
        generations=[
            GenerationStatus(
                read_model="catalog", number=1, schema="catalog", phase="live", note=None
            )
        ],
        dead_letters=[],
        violations=[],
    )


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[ChainStatus | Failure]:
    """What a look at the chain finds: the test puts it in."""
    found: list[ChainStatus | Failure] = []

    def look(*_: object) -> ChainStatus:
        if isinstance(found[0], Failure):
            raise found[0]
        return found[0]

    monkeypatch.setenv("CATALOG_DATA", str(tmp_path))
    monkeypatch.setattr("adapters.composition.endpoints.resolve_endpoints", lambda *_: NOWHERE)
    monkeypatch.setattr(chain, "chain_status", look)
    monkeypatch.setattr(main, "COMMANDS", (health, status))
    monkeypatch.setattr(main, "configure_logs", lambda **_: None)
    monkeypatch.setattr(sys, "argv", ["catalog", "health", "--json"])
    return found


def _run() -> int | str | None:
    with pytest.raises(SystemExit) as end:
        main.main()
    return end.value.code


def test_a_chain_that_works_is_healthy(
    found: list[ChainStatus | Failure], capsys: pytest.CaptureFixture[str]
) -> None:
    found.append(_status(members=1))
    assert _run() == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"healthy": True, "state": "idle", "reasons": []}


def test_a_dead_reader_is_a_reason_though_nothing_is_behind(
    found: list[ChainStatus | Failure], capsys: pytest.CaptureFixture[str]
) -> None:
    found.append(_status(members=0))
    assert _run() == 3
    out, errors = capsys.readouterr()
    assert json.loads(out)["healthy"] is False
    assert "nobody works on the stage project" in errors


def test_an_engine_that_is_away_is_a_reason_like_any_other(
    found: list[ChainStatus | Failure], capsys: pytest.CaptureFixture[str]
) -> None:
    found.append(Failure("the brokers don't answer"))
    assert _run() == 3
    assert json.loads(capsys.readouterr().out)["reasons"] == ["the brokers don't answer"]

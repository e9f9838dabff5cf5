"""`catalog schemas`: what it says of the contracts, and that it writes no breaking one."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import domain.schemas
from adapters.cli import schemas
from adapters.composition import endpoints as endpoints_module
from adapters.composition.endpoints import Endpoints
from domain.events import EVENT_TYPES
from domain.events.track import TrackAdded
from domain.failures import Failure, WrongUsage
from domain.schemas import Contract, Version, contract_of, render


@pytest.fixture
def command() -> typer.Typer:
    app = typer.Typer()
    schemas.register(app)
    return app


def run(command: typer.Typer, *arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def _published(monkeypatch: pytest.MonkeyPatch, *versions: str) -> None:
    """Let the checked-in versions of TrackAdded be these, and of nothing else."""
    contract = Contract(TrackAdded, tuple(Version(n, text) for n, text in enumerate(versions, 1)))
    monkeypatch.setattr(domain.schemas, "contracts", lambda: (contract,))


def _without(*names: str) -> str:
    schema = json.loads(contract_of(TrackAdded).newest.text)
    schema["fields"] = [field for field in schema["fields"] if field["name"] not in names]
    return render(schema)


def test_check_is_content_with_what_is_checked_in(command: typer.Typer) -> None:
    assert run(command, "schemas", "check").startswith(f"{len(EVENT_TYPES)} contracts in ")


def test_check_names_field_and_reason(
    command: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _published(monkeypatch, _without("id"))
    with pytest.raises(Failure, match=r"TrackAdded: .* v1: id: added without a default"):
        run(command, "schemas", "check")


def test_show_prints_the_checked_in_text(command: typer.Typer) -> None:
    contract = contract_of(TrackAdded)
    assert run(command, "schemas", "show", "TrackAdded") == contract.newest.text
    assert run(command, "schemas", "show", contract.name, "--version", "1") == (
        contract.versions[0].text
    )
    with pytest.raises(WrongUsage, match="no version 99"):
        run(command, "schemas", "show", "TrackAdded", "--version", "99")
    with pytest.raises(WrongUsage, match="no event 'Nothing'"):
        run(command, "schemas", "show", "Nothing")


def test_write_adds_a_version_and_never_a_breaking_one(
    command: typer.Typer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(domain.schemas, "__path__", [str(tmp_path)])
    newest = contract_of(TrackAdded).newest.text
    _published(monkeypatch, newest)
    assert run(command, "schemas", "write") == ""
    _published(monkeypatch, _without("title"))
    second = tmp_path / "track" / "TrackAdded" / "v2.avsc"
    assert run(command, "schemas", "write").split() == [str(second)]
    assert second.read_text(encoding="utf-8") == newest
    first = second.with_name("v1.avsc")
    assert run(command, "schemas", "write", "--replace-newest").split() == [str(first)]
    _published(monkeypatch, _without("id"), _without("title"))
    first.unlink()
    second.unlink()
    with pytest.raises(Failure, match=r"nothing written(.|\n)*v1: id: added without"):
        run(command, "schemas", "write", "--replace-newest")
    assert not first.exists()


@pytest.mark.integration
def test_register_and_list(
    command: typer.Typer, engines: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints_module, "resolve_endpoints", lambda *_: engines)
    listed = json.loads(run(command, "schemas", "register", "--json"))
    assert [one["problems"] for one in listed] == [[]] * len(EVENT_TYPES)
    assert json.loads(run(command, "schemas", "list", "--json")) == listed
    assert "FULL_TRANSITIVE" in run(command, "schemas", "list")
    assert "are whole" in run(command, "schemas", "check", "--registered")
    shown = json.loads(run(command, "schemas", "show", "TrackAdded", "--registered"))
    assert shown["name"] == "TrackAdded"

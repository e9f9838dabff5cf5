"""`catalog ingest`: data on stdout, what went wrong on stderr, and the exit code."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from adapters.cli import ingest
from adapters.composition import endpoints as endpoints_module
from adapters.composition.endpoints import Endpoints
from adapters.ingestion import sample
from domain.failures import WrongUsage
from migrations import run

Run = Callable[..., Result]


@pytest.fixture
def command() -> Run:
    app = typer.Typer()
    ingest.register(app)
    app.callback()(lambda: None)
    return lambda *words: CliRunner().invoke(app, ["ingest", *words], catch_exceptions=False)


@pytest.mark.parametrize(
    "words",
    [["--currency", "euro", "x"], ["--source", "a:b", "x"], ["--territory", "Wordlwide", "x"]],
)
def test_wrong_options_are_named(command: Run, words: list[str]) -> None:
    with pytest.raises(WrongUsage, match=words[1]):
        command(*words)


@pytest.mark.integration
def test_sample(
    command: Run, engines: Endpoints, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.upgrade(database, "master", "public")
    there = Endpoints(
        engines.kafka, engines.registry, engines.connect_url, database, engines.read_dsn
    )
    monkeypatch.setattr(endpoints_module, "resolve_endpoints", lambda *_, **__: there)
    done = command(str(sample.FOLDER))
    assert done.exit_code == 1  # the sample has two rows on purpose that can't be taken in
    assert "feed-track-incremental" in done.stdout
    assert "tracks-update.csv:54: 5 columns instead of 20" in done.stderr
    again = command("--json", str(sample.FOLDER))
    told = json.loads(again.stdout)
    assert {f["status"] for f in told["files"]} == {"known"}
    assert (told["quarantined"], told["changed"]) == (2, {})
    with pytest.raises(WrongUsage, match="nowhere"):
        command(str(Path("nowhere.csv")))

"""`catalog new-releases` as a user runs it."""

import json

import psycopg
import pytest
from typer.testing import CliRunner

from adapters.cli.main import application
from adapters.read_database.gate import name_generation
from domain.failures import Failure
from migrations import run
from tests.catalog_rows import write

pytestmark = pytest.mark.integration


@pytest.fixture
def read(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty read database, and the setting that leads to it."""
    monkeypatch.setenv("CATALOG_READ__URL", database)
    return database


def ask(*arguments: str) -> str:
    """What the command prints."""
    return (
        CliRunner()
        .invoke(application(), ["new-releases", *arguments], catch_exceptions=False)
        .stdout
    )


def test_what_came_out_on_which_day(read: str) -> None:
    run.upgrade(read, "new_releases", "new_releases")
    with psycopg.connect(read) as connection:
        name_generation(connection, "new_releases", 3)
        write(connection, "label", {"id": "l", "name": "Small [Hours]"}, schema="new_releases")
        write(
            connection,
            "release",
            {"id": "a", "label_id": "l", "day": "2026-05-01", "title": "One"},
            {"id": "b", "label_id": "l", "day": "2026-05-01", "title": None},
            {"id": "c", "label_id": "x", "day": "2026-05-02", "title": "Three"},
            {"id": "d", "label_id": None, "day": "2026-05-03", "title": "Four"},
            schema="new_releases",
        )
    days = [json.loads(line) for line in ask("--json").splitlines()]
    assert [(one["day"], one["label"], one["release_count"]) for one in days] == [
        ("2026-05-03", None, 1),
        ("2026-05-02", None, 1),
        ("2026-05-01", "Small [Hours]", 2),
    ]
    assert {one["generation"] for one in days} == {3}
    assert days[2]["releases"][0] == {"id": "a", "title": "One", "artist": None, "type": None}
    shown = ask()
    for words in ("no label", "not in the catalog", "Small [Hours]", "One, b"):
        assert words in shown
    first_of_may = ("--from", "2026-05-01", "--to", "2026-05-01", "--label", "l", "--json")
    assert [json.loads(line)["label_id"] for line in ask(*first_of_may).splitlines()] == ["l"]
    assert len(ask("--limit", "1", "--json").splitlines()) == 1
    assert ask("--label", "unknown") == ""


def test_before_there_is_any(read: str) -> None:
    with pytest.raises(Failure, match=r"catalog rebuild --model new_releases"):
        ask()

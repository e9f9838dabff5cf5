"""`catalog dead-letters`: what is named must be there, for a retry as for a discard."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import MagicMock

import pytest
from typer.testing import CliRunner

from adapters.cli import dead_letters
from adapters.cli.main import application
from domain.failures import WrongUsage
from projections.ports.dead_letters import DeadLetter, Stage

PARKED = DeadLetter(
    number=7,
    stage=Stage.PROJECT,
    read_model="catalog",
    generation=1,
    topic="catalog.track",
    partition=0,
    offset=3,
    key=b"track-1",
    value=b"no event",
    headers=(),
    reason="it is no event",
    parked_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    attempts=1,
)


@pytest.fixture
def parked(monkeypatch: pytest.MonkeyPatch) -> MagicMock:
    """The dead letters of an installation: one."""
    found = MagicMock()
    found.list.return_value = [PARKED]

    @contextmanager
    def opened(*_: Any) -> Iterator[MagicMock]:
        yield found

    monkeypatch.setattr(dead_letters, "_dead_letters", opened)
    monkeypatch.setattr(dead_letters, "_settings", lambda: (MagicMock(), MagicMock()))
    return found


@pytest.mark.parametrize("command", ["retry", "discard"])
def test_a_number_that_is_not_there_is_wrong_usage(parked: MagicMock, command: str) -> None:
    outcome = CliRunner().invoke(application(), ["dead-letters", command, "7", "999"])
    assert isinstance(outcome.exception, WrongUsage)
    assert str(outcome.exception).startswith("no such dead letter: 999; ")
    parked.discard.assert_not_called()


def test_a_list_shows_where_each_stands_and_why(parked: MagicMock) -> None:
    outcome = CliRunner().invoke(application(), ["dead-letters", "list"])
    assert outcome.exit_code == 0
    (row,) = outcome.output.splitlines()[1:]
    assert row.split()[0] == "7"
    for word in ("catalog.track/0/3", "track-1", "2026-01-02 03:04:05", "it is no event"):
        assert word in row

"""Help of every command: it fits 80 columns, names values and not types, and cuts nothing off."""

from collections.abc import Callable, Iterator

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from adapters.cli.help import name_values
from adapters.cli.main import application


def _commands(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, TyperGroup):
        for name, child in command.commands.items():
            yield from _commands(child, (*path, name))


@pytest.fixture(scope="module")
def command() -> TyperCommand | TyperGroup:
    made = get_command(application())
    assert isinstance(made, TyperCommand | TyperGroup)
    name_values(made)
    return made


EVERY = sorted(_commands(get_command(application()), ()))


@pytest.fixture
def help_of(
    command: TyperCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """What `catalog PATH… --help` prints on 80 columns."""

    def ask(*path: str) -> str:
        command.main([*path, "--help"], prog_name="catalog", standalone_mode=False)
        return capsys.readouterr().out

    monkeypatch.setenv("COLUMNS", "80")
    return ask


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_help_fits_and_shows_no_type(help_of: Callable[..., str], path: tuple[str, ...]) -> None:
    lines = help_of(*path).splitlines()
    assert max(map(len, lines)) <= 80
    body = [line for line in lines if not line.startswith("Usage:")]
    for sign in ("<int", "<str", "<float", "<list", "<bool", "<datetime", "..."):
        assert not [line for line in body if sign in line]


def test_values_are_named(help_of: Callable[..., str]) -> None:
    assert "--keep N " in help_of("rebuild")
    assert "--model NAME " in help_of("rebuild")
    assert help_of("dead-letters", "retry").startswith(
        "Usage: catalog dead-letters retry [OPTIONS] [NUMBER…]\n"
    )
    assert help_of("lookup").startswith("Usage: catalog lookup [OPTIONS] SCHEME VALUE\n")

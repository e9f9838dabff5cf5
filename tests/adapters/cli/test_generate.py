"""`catalog generate` refuses what it can't make before it looks for an engine."""

import sys

import pytest
import typer
from typer.testing import CliRunner

from adapters.cli import generate
from domain.failures import WrongUsage


def invoke(*arguments: str) -> BaseException | None:
    app = typer.Typer()
    generate.register(app)
    return CliRunner().invoke(app, arguments).exception


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "one of --tracks, --topic and --rate"),
        (("--tracks", "10", "--rate", "5"), "one of --tracks, --topic and --rate"),
        (("--topic", "track", "--events", "5", "--keys", "6"), "each key needs an event"),
        (("--topic", "format", "--events", "6", "--keys", "6"), "only track and release"),
        (("--topic", "nothing"), "only track and release"),
    ],
)
def test_what_it_cannot_make_is_refused(arguments: tuple[str, ...], said: str) -> None:
    error = invoke(*arguments)
    assert isinstance(error, WrongUsage)
    assert said in str(error)


def test_where_it_isnt_installed_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adapters.synthetic", None)
    error = invoke("--tracks", "10")
    assert isinstance(error, WrongUsage)
    assert "from a clone" in str(error)

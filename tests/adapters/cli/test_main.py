"""The command line as a whole: one folder option anywhere, errors as one line with a code."""

import errno
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import pytest

from adapters.cli import main, run
from adapters.cli.demonstration import Demonstration
from adapters.cli.main import take_data_option
from adapters.composition.settings import Settings
from adapters.embedded.state import own_data_folder
from domain.failures import WrongUsage

ENTRY = "import sys; from adapters.cli.main import main; sys.exit(main())"


@pytest.mark.parametrize(
    ("given", "rest", "data"),
    [
        (["status"], ["status"], None),
        (["--data", "d", "status"], ["status"], "d"),
        (["status", "--json", "--data=d"], ["status", "--json"], "d"),
        (["lookup", "isrc", "--", "--data", "x"], ["lookup", "isrc", "--", "--data", "x"], None),
    ],
)
def test_the_data_folder_may_stand_anywhere(
    given: list[str], rest: list[str], data: str | None
) -> None:
    assert take_data_option(given) == (rest, data)


@pytest.mark.parametrize("given", [["status", "--data"], ["--data=", "status"], ["--data", ""]])
def test_the_data_folder_needs_a_name(given: list[str]) -> None:
    with pytest.raises(WrongUsage, match="--data"):
        take_data_option(given)


@pytest.mark.parametrize("command", [["status"], ["rebuild", "--workers", "2"]])
def test_an_error_is_one_line_and_an_exit_code(tmp_path: Path, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENTRY, *command, "--data", f"{tmp_path}/none"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("catalog: no `catalog up` runs on")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_up_can_use_the_data_folder_after_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def demonstrate(settings: Settings, _: Demonstration, stack: ExitStack) -> str:
        stack.enter_context(own_data_folder(settings.data, fresh=False))
        return ""

    monkeypatch.setenv("CATALOG_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(run, "_demonstrate", demonstrate)
    run.run(own_master=False)
    with own_data_folder(tmp_path / "data", fresh=False):
        pass


def test_help_lists_every_command() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENTRY, "--help"], capture_output=True, text=True, check=True
    )
    for command in ("run", "up", "ingest", "lookup", "rebuild", "dead-letters", "connect-config"):
        assert f" {command} " in done.stdout


def test_the_version_is_that_of_the_distribution() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENTRY, "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"catalog-projections {version('catalog-projections')}\n"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_fault_of_ours_is_one_line_and_its_traceback_is_kept(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    is_terminal: bool,
) -> None:
    def fail() -> NoReturn:
        raise LookupError("nowhere")

    monkeypatch.setattr(main, "COMMANDS", (run,))
    monkeypatch.setattr(main, "configure_logs", lambda **_: None)
    monkeypatch.setattr(run, "load_settings", fail)
    monkeypatch.setattr(sys, "argv", ["catalog", "run"])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    logged: list[str] = []
    monkeypatch.setattr("structlog.get_logger", lambda *_: _Log(logged))
    with pytest.raises(SystemExit) as end:
        main.main()
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert "a fault of this software: LookupError: nowhere" in said
    assert "Traceback" not in said
    kept = [file.read_text() for file in tmp_path.iterdir()]
    assert [("raise LookupError" in text) for text in kept] == ([True] if is_terminal else [])
    assert logged == ([] if is_terminal else ["unexpected error"])


class _Log:
    def __init__(self, logged: list[str]) -> None:
        self._logged = logged

    def error(self, event: str, exc_info: BaseException) -> None:
        assert isinstance(exc_info, LookupError)
        self._logged.append(event)


@pytest.mark.parametrize(
    ("number", "cure"), [(errno.EMFILE, "ulimit -n 4096"), (errno.ENOSPC, "free some space")]
)
def test_what_the_machine_lacks_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, cure: str
) -> None:
    def fail() -> NoReturn:
        try:
            raise OSError(number, os.strerror(number), "/data/x")
        except OSError:
            raise LookupError("nowhere") from None

    monkeypatch.setattr(main, "COMMANDS", (run,))
    monkeypatch.setattr(main, "configure_logs", lambda **_: None)
    monkeypatch.setattr(run, "load_settings", fail)
    monkeypatch.setattr(sys, "argv", ["catalog", "run"])
    with pytest.raises(SystemExit) as end:
        main.main()
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith(f"catalog: /data/x: {os.strerror(number)}: ")
    assert cure in said
    assert said.count("\n") == 1


def test_commands_are_known_without_the_libraries_of_the_engines() -> None:
    """Each command loads what it needs when it runs: `--help` and shells' completion are quick."""
    program = (
        "import sys; from adapters.cli.main import application; application();"
        " print([name for name in ('polars', 'psycopg', 'confluent_kafka') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"

"""Every command whose engines are away says in a line which, by its setting, and no traceback."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from adapters.cli import main

AWAY = {
    "CATALOG_KAFKA__BOOTSTRAP": "127.0.0.1:1",
    "CATALOG_REGISTRY__URL": "http://127.0.0.1:1",
    "CATALOG_CONNECT__URL": "http://127.0.0.1:1",
    "CATALOG_MASTER__URL": "postgresql://user:hidden@127.0.0.1:1/master",
    "CATALOG_READ__URL": "postgresql://user:hidden@127.0.0.1:1/read",
}
KAFKA, REGISTRY, CONNECT, MASTER, READ = AWAY
COMMANDS = [
    ("ingest --sample", MASTER),
    ("inbox --once .", MASTER),
    ("messages", MASTER),
    ("messages show 1", MASTER),
    ("messages withdraw 1", MASTER),
    ("lookup upc 299000009001", READ),
    ("explain track 1", KAFKA),
    ("conflicts", READ),
    ("new-releases", READ),
    ("keys list", READ),
    ("keys create somebody", READ),
    ("keys revoke 1", READ),
    ("status", KAFKA),
    ("status --wait 1", KAFKA),
    ("health", KAFKA),
    ("rebuild", KAFKA),
    ("rebuild --workers 2", KAFKA),
    ("rebuild --join", KAFKA),
    ("rebuild --dry-run", KAFKA),
    ("rebuild --as-of 2026-01-01", KAFKA),
    ("switch", KAFKA),
    ("rollback", KAFKA),
    ("verify", KAFKA),
    ("generations", READ),
    ("generations drop 1", READ),
    ("events tail --no-follow", KAFKA),
    ("topics apply", KAFKA),
    ("topics list", KAFKA),
    ("topics check", KAFKA),
    ("topics adopt", KAFKA),
    ("topics migrate --to v2.", KAFKA),
    ("topics migrate --give-up", KAFKA),
    ("topics retranslate master.public.track", KAFKA),
    ("schemas check --registered", REGISTRY),
    ("schemas register", REGISTRY),
    ("schemas list", REGISTRY),
    ("schemas show TrackAdded --registered", REGISTRY),
    ("connect apply", CONNECT),
    ("connect status", CONNECT),
    ("connect validate", CONNECT),
    ("connect slots", MASTER),
    ("dead-letters list", READ),
    ("dead-letters show 1", READ),
    ("dead-letters retry 1", READ),
    ("dead-letters discard --all", READ),
    ("source check FOLDER", MASTER),
    ("source preview FOLDER", MASTER),
    ("source apply FOLDER", MASTER),
    ("source status", MASTER),
    ("source verify house", MASTER),
    ("source remove house --yes", MASTER),
    ("migrate", READ),
    ("migrate --check", READ),
    ("audit", KAFKA),
    ("recapture track", KAFKA),
    ("generate --tracks 1", MASTER),
    ("generate --tracks 1 --as-events", KAFKA),
    ("generate --topic track --events 2 --keys 1", KAFKA),
    ("generate --rate 1 --seconds 1", MASTER),
]
"""A command line of each command that needs an engine, and the setting that its error names."""
NEEDS_NONE = {"run", "up", "serve", "dashboard", "schemas write", "connect-config", "source init"}
"""Commands that start engines, go on without them, or don't ask any."""
WAITS = {"translate", "project", "source run"}
"""Workers wait for engines that are away (see tests of capture and the engine)."""


def _names(command: object, path: str = "") -> Iterator[str]:
    if not isinstance(command, TyperGroup):
        yield path
        return
    if command.invoke_without_command and path:
        yield path
    for name, child in command.commands.items():
        yield from _names(child, f"{path} {name}".strip())


def test_no_command_is_forgotten() -> None:
    known = {line for line, _ in COMMANDS} | NEEDS_NONE | WAITS
    for name in _names(get_command(main.application())):
        assert any(line == name or line.startswith(f"{name} ") for line in known), name


@pytest.mark.parametrize(("line", "setting"), COMMANDS, ids=[line for line, _ in COMMANDS])
def test_what_is_away_is_named(
    line: str,
    setting: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    for name, value in {**AWAY, "CATALOG_DATA": str(tmp_path / "data")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(main, "configure_logs", lambda **_: None)
    folder = tmp_path / "house"
    folder.mkdir()
    columns = '[tables.album]\nkey = ["id"]\n[tables.album.columns]\nid = "text"\n'
    (folder / "source.toml").write_text(columns)
    (folder / "release.sql").write_text("SELECT id FROM album")
    words = [str(folder) if word == "FOLDER" else word for word in line.split()]
    monkeypatch.setattr(sys, "argv", ["catalog", *words])
    with pytest.raises(SystemExit) as end:
        main.main()
    assert end.value.code == (3 if line == "health" else 1)
    said = capsys.readouterr().err
    assert said.startswith("catalog: ")
    assert setting in said
    assert "127.0.0.1" in said
    assert "hidden" not in said
    assert "Traceback" not in said
    assert "a fault of this software" not in said
    assert len(said.splitlines()) == (2 if line == "health" else 1), said

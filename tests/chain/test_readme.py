"""The tour of README.md and the tutorial, word for word, against a `catalog up` of their own."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chain.processes import CATALOG, ROOT

pytestmark = pytest.mark.integration

SERVERS = ("catalog up", "catalog serve")
"""Commands that go on until they are stopped."""
README = ROOT / "README.md"
PARTNERS_DAY = ROOT / "docs" / "tutorial" / "partners-day.md"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Step:
    """A block of commands, and the outputs that the text promises for them, in order."""

    commands: str
    outputs: tuple[str, ...] = ()

    @property
    def starts_a_server(self) -> bool:
        return any(line.startswith(SERVERS) for line in self.commands.splitlines())


def steps(text: str) -> list[Step]:
    """The `sh` blocks of a text, each with the `text` block that follows it."""
    found: list[Step] = []
    for language, body in _BLOCK.findall(text):
        if language == "sh":
            found.append(Step(body))
        elif language == "text":
            found[-1] = Step(found[-1].commands, tuple(body.splitlines()))
    return found


def tour() -> list[Step]:
    """The blocks of the README's tour."""
    text = README.read_text(encoding="utf-8")
    return steps(text[text.index("\n## Tour\n") : text.index("\n## Settings and production\n")])


def missing(outputs: tuple[str, ...], said: str) -> list[str]:
    """Promised lines that aren't in the output in this order; `…` is anything, spaces are alike."""
    text = "\n".join(" ".join(line.split()) for line in said.splitlines())
    absent, at = [], 0
    for promised in outputs:
        parts = [" ".join(part.split()) for part in promised.split("…")]
        pattern = r"[^\n]*?".join(re.escape(part) for part in parts)
        if found := re.compile(pattern).search(text, at):
            at = found.end()
        else:
            absent.append(promised)
    return absent


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """As after `. .venv/bin/activate`, with a data folder of the test's own."""
    folder = tmp_path_factory.mktemp("readme")
    for parent in (folder, *folder.parents[:2]):  # PostgreSQL is another user when we are root
        parent.chmod(0o711)
    commands = folder / "bin"
    commands.mkdir()
    catalog = commands / "catalog"
    catalog.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{CATALOG[2]}" "$@"\n')
    catalog.chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CATALOG_")}
    cache = {k: v for k, v in os.environ.items() if k.startswith("CATALOG_CACHE")}
    return {
        **kept,
        **cache,
        "PATH": f"{commands}:{os.environ['PATH']}",
        "CATALOG_DATA": str(folder / "data"),
    }


@contextmanager
def _server(command: str, environment: dict[str, str], ready: str, log: Path) -> Iterator[None]:
    """Run a command that goes on, from when it says `ready` until the context is left."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment,
        )
    try:
        deadline = time.monotonic() + 240
        while ready not in log.read_text(encoding="utf-8", errors="replace"):
            said = log.read_text(encoding="utf-8", errors="replace")
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        assert process.wait(60) == 0, log.read_text(encoding="utf-8", errors="replace")


@pytest.fixture(scope="module")
def up(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`catalog up` of the tour's first block."""
    first = tour()[0]
    assert first.commands.splitlines() == [". .venv/bin/activate", "catalog up"]
    log = tmp_path_factory.mktemp("up") / "up.log"
    with _server("catalog up", environment, "Ctrl-C stops everything", log):
        yield


def _run(step: Step, environment: dict[str, str]) -> None:
    commands = step.commands.replace(". .venv/bin/activate\n", "")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{step.commands}\n{done.stdout}{done.stderr}"
    assert missing(step.outputs, done.stdout) == [], done.stdout


def test_the_readmes_tour(up: None, environment: dict[str, str]) -> None:
    for step in tour()[1:]:
        assert not step.starts_a_server
        _run(step, environment)


def test_a_partners_day(up: None, environment: dict[str, str], tmp_path: Path) -> None:
    _run(Step("catalog ingest --sample\ncatalog status --wait 120 > /dev/null\n"), environment)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    first, *others = steps(PARTNERS_DAY.read_text(encoding="utf-8").replace("8000", str(port)))
    with _server(first.commands.strip(), environment, "serving the catalog", tmp_path / "log"):
        for step in others:
            _run(step, environment)

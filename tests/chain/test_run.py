"""`catalog run`, what `make run` starts: it ends by itself, and leaves nothing when interrupted."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.chain.conftest import Note
from tests.chain.processes import CATALOG, ROOT
from tests.chain.size import Size
from tests.waiting import until

pytestmark = pytest.mark.integration


@contextmanager
def _running(data: Path, *options: str) -> "Iterator[subprocess.Popen[bytes]]":
    """`catalog run`, its output in a file; ended however the test ends."""
    with (data.parent / "run.log").open("wb") as log:
        process = subprocess.Popen(
            [*CATALOG, "run", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "CATALOG_DATA": str(data)},
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _using(data: Path) -> list[str]:
    """Command lines of processes that have to do with this data folder, ours aside."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        words = " ".join(process.info["cmdline"] or ())
        variables = process.info["environ"] or {}
        ours = str(data) in words or variables.get("CATALOG_DATA", "").startswith(str(data))
        if ours and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(words[:200])
    return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that PostgreSQL, another user when we are root, can reach."""
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o711)
    return tmp_path / "data"


def test_interrupted_at_a_random_moment_it_leaves_no_process(
    data: Path, size: Size, note: Note
) -> None:
    choose = random.Random()  # noqa: S311 - another moment each time
    for _ in range(size.interruptions):
        seconds = choose.uniform(0.5, size.interrupted_within)
        with _running(data) as process:
            time.sleep(seconds)
            process.send_signal(signal.SIGINT)
            code = process.wait(60)
        said = (data.parent / "run.log").read_text(errors="replace").splitlines()
        note(f"interrupted after {seconds:.1f} s, exit {code}", said[-1] if said else "")
        assert "Traceback" not in "\n".join(said)
        until(lambda: not _using(data), 15, f"no process is left: {_using(data)}")


def test_it_runs_to_its_end_again_and_again(data: Path, size: Size, note: Note) -> None:
    if not size.runs:
        pytest.skip("full size only: python -m tests.chain.acceptance runs it whole")
    for number in range(size.runs):
        began = time.monotonic()
        with _running(data) as process:
            code = process.wait(900)
        note(f"seconds of run {number + 1}", round(time.monotonic() - began, 1))
        assert code == 0, (data.parent / "run.log").read_text(errors="replace")
        assert _using(data) == []


def test_a_shop_of_its_own_is_shown_whole(data: Path) -> None:
    with _running(data, "--own-master") as process:
        code = process.wait(600)
    said = (data.parent / "run.log").read_text(errors="replace")
    assert code == 0, said
    assert "[11/11]" in said
    assert "Renamed at" in said
    assert _using(data) == []

"""A rebuild beside a running chain: readers notice nothing, and it survives being killed."""

import json
import random
import subprocess
import threading
import time
from contextlib import ExitStack
from typing import Any

import pytest

from tests.chain.conftest import Note
from tests.chain.load import BASE, base_id, isrc
from tests.chain.loading import Load
from tests.chain.processes import Chain
from tests.chain.size import Size

pytestmark = pytest.mark.integration

READERS = 4


class Reader(threading.Thread):
    """`catalog lookup isrc - --json`, asked one number after another; keeps what was wrong."""

    def __init__(self, chain: Chain, seed: int, choose: random.Random, pause: float) -> None:
        super().__init__(daemon=True)
        self.answers = 0
        self.slowest = 0.0
        self.wrong: list[str] = []
        self._seed = seed
        self._choose = choose
        self._pause = pause
        self._process = chain.popen("lookup", "isrc", "-", "--json")
        self._stopped = threading.Event()

    def __enter__(self) -> "Reader":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self.join(30)
        self._process.communicate(timeout=30)

    def run(self) -> None:
        asked, answered = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answered is not None
        while not self._stopped.wait(self._pause):
            number = self._choose.randrange(BASE)
            began = time.monotonic()
            asked.write(isrc(self._seed, number) + "\n")
            asked.flush()
            line = answered.readline()
            if not line:
                assert self._process.stderr is not None
                self.wrong.append(self._process.stderr.read())
                return
            self.answers += 1
            if self.answers > 1:  # the first one waits for the command to start
                self.slowest = max(self.slowest, time.monotonic() - began)
            self._judge(base_id(self._seed, number), json.loads(line))

    def _judge(self, own: str, answer: dict[str, Any]) -> None:
        """It must be found, whole: track and recording, with a release that is there."""
        if [_whole(match) for match in answer["matches"]] != [own]:
            self.wrong.append(json.dumps(answer))


def _whole(match: dict[str, Any]) -> str | None:
    """The id of a track whose recording and release are there; else None."""
    parts = [match[kind] for kind in ("track", "recording", "release")]
    if match["owner"] != "track" or not all(part and part["title"] for part in parts):
        return None
    return str(match["id"])


def test_a_rebuild_under_load_is_noticed_by_no_reader(chain: Chain, size: Size, note: Note) -> None:
    choose = random.Random(3)  # noqa: S311 - a seed that repeats
    with Load(chain, size.rate) as load:
        _await_base(chain, load.seed)
        with ExitStack() as stack:
            readers = [
                stack.enter_context(Reader(chain, load.seed, choose, size.pause))
                for _ in range(READERS)
            ]
            began = time.monotonic()
            rebuilt = json.loads(chain.catalog("rebuild", "--json"))
            took = time.monotonic() - began
            for number in range(size.rebuild_kills):
                _rebuild_killed_once(chain, choose, took, note, number)
            former = _phases(chain)["live"]
            chain.catalog("rollback", "--json")
            rolled_back = _phases(chain)
            chain.catalog("rollback", "--json")
            verified = json.loads(chain.catalog("verify", "--json"))
    wrong = [text for reader in readers for text in reader.wrong]
    note("changes per second while rebuilding", round(load.per_second, 1))
    note("seconds of an undisturbed rebuild", round(took, 1))
    note("answers of 4 readers", sum(reader.answers for reader in readers))
    note("slowest answer in milliseconds", round(1000 * max(r.slowest for r in readers)))
    assert wrong == []
    assert all(reader.answers > 10 for reader in readers)
    assert load.per_second > 0.9 * size.rate
    assert rebuilt["switched"] is True
    assert rebuilt["comparison"]["equal"] is True
    assert rolled_back["live"] != former
    assert rolled_back["retired"] == former
    assert _phases(chain)["live"] == former
    assert verified["equal"] is True
    chain.idle()
    assert json.loads(chain.catalog("verify", "--json"))["equal"] is True


def _rebuild_killed_once(
    chain: Chain, choose: random.Random, took: float, note: Note, number: int
) -> None:
    """Kill one somewhere on its way; what the next start makes of it must end well."""
    killed = False
    while not killed:  # it may have been quicker than it was before
        seconds = choose.uniform(0.2, took)
        with chain.popen("rebuild", "--json") as process:
            try:
                _, errors = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                _, errors = process.communicate()
                killed = True
        assert killed or process.returncode == 0, errors
        took = seconds
    at = errors.strip().splitlines()[-1] if errors.strip() else "starting"
    done = json.loads(chain.catalog("rebuild", "--json"))
    note(f"rebuild {number + 1} killed after {seconds:.1f} s", at)
    assert done["switched"] is True
    assert done["comparison"]["equal"] is True
    phases = json.loads(chain.catalog("generations", "--model", "catalog", "--json"))
    assert sorted(one["phase"] for one in phases) == ["live", "retired"]


def _await_base(chain: Chain, seed: int) -> None:
    deadline = time.monotonic() + 60
    numbers = [isrc(seed, number) for number in range(BASE)]
    while not all(
        answer["matches"] and all(_whole(match) for match in answer["matches"])
        for answer in chain.look_up("isrc", numbers)
    ):
        assert time.monotonic() < deadline, "the base rows of the load aren't projected"


def _phases(chain: Chain) -> dict[str, int]:
    found = json.loads(chain.catalog("generations", "--model", "catalog", "--json"))
    return {one["phase"]: one["number"] for one in found}

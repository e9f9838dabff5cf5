"""`kill -9` at random moments under load: nothing lost, nothing doubled, nothing older on top."""

import json
import random
import signal
import time

import pytest

from adapters.composition.chain import chain_status
from tests.chain.agreement import disagreements, event_ids
from tests.chain.capture import kill_and_restart
from tests.chain.conftest import Note
from tests.chain.loading import Load
from tests.chain.processes import PROJECT, TRANSLATE, Chain
from tests.chain.size import Size
from tests.waiting import until

pytestmark = pytest.mark.integration


def _assert_whole(chain: Chain, note: Note) -> None:
    """Idle, equal to a plain replay, equal to the master, and each event there once."""
    note("seconds until idle", round(chain.idle(180), 1))
    assert json.loads(chain.catalog("verify", "--json"))["equal"] is True
    assert disagreements(chain.endpoints) == []
    counted = event_ids(chain.endpoints)
    note("events, each seen once", len(counted))
    assert [event for event, times in counted.items() if times > 1] == []


def test_translator_and_workers_killed_under_load(chain: Chain, size: Size, note: Note) -> None:
    choose = random.Random(5)  # noqa: S311 - a seed that repeats
    commands = {"translate": TRANSLATE, "project": PROJECT, "project-2": PROJECT}
    chain.start("project-2", PROJECT)
    try:
        with Load(chain, size.rate) as load:
            for number in range(size.kills):
                time.sleep(choose.uniform(0.5, 4.0))  # a random moment is what is wanted
                name = list(commands)[number % 3]
                chain.kill(name)
                chain.start(name, commands[name])
        note("kills", size.kills)
        note("changes meanwhile", load.changes)
        _assert_whole(chain, note)
    finally:
        chain.stop("project-2")


def test_capture_killed_under_load(chain: Chain, size: Size, note: Note) -> None:
    """Debezium repeats what it had sent but not yet noted; nobody sees an event twice."""
    with Load(chain, size.rate) as load:
        until(
            lambda: any(_positions(chain, "position", "translate").values()), 60, "changes arrive"
        )
        kill_and_restart(chain)
    note("changes meanwhile", load.changes)
    _assert_whole(chain, note)


def test_a_worker_that_slept_past_its_session_overwrites_nothing(
    chain: Chain, size: Size, note: Note
) -> None:
    try:
        with Load(chain, size.rate):
            sleeper = chain.children["project"]
            until(lambda: any(_positions(chain, "position").values()), 60, "events are projected")
            sleeper.signal(signal.SIGSTOP)
            began = time.monotonic()
            try:
                chain.start("project-2", PROJECT)
                ends = _positions(chain, "end")
                until(
                    lambda: all(at >= ends[t] for t, at in _positions(chain, "position").items()),
                    180,
                    "another worker has gone past where the sleeper was left",
                )
                note("seconds until another had taken over", round(time.monotonic() - began, 1))
            finally:
                sleeper.signal(signal.SIGCONT)
            until(lambda: _members(chain) == 2, 120, "the sleeper is back in the group")
        assert sleeper.is_running, sleeper.output()
        _assert_whole(chain, note)
    finally:
        chain.stop("project-2")


def _positions(chain: Chain, what: str, stage: str = "project") -> dict[str, int]:
    """`position` or `end` of each topic that a stage reads."""
    status = chain_status(chain.settings, chain.endpoints)
    return {
        t.topic: getattr(t, what)
        for t in status.topics
        if t.stage == stage and t.read_model in ("", "catalog")
    }


def _members(chain: Chain) -> int:
    status = chain_status(chain.settings, chain.endpoints)
    return sum(group.members for group in status.groups if group.read_model == "catalog")

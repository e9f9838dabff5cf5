"""Memory of a worker and of a rebuild while many events go through them."""

import json
import time

import psutil
import pytest

from tests.chain.conftest import Note
from tests.chain.processes import PROJECT, Chain, peak_memory
from tests.chain.size import Size

pytestmark = pytest.mark.integration

MOST_OF_A_WORKER, MOST_OF_A_REBUILD = 300, 330
"""Megabytes. A rebuild prepares one batch while it stores another, and compares in the end."""


def test_memory_stays_bounded(chain: Chain, size: Size, note: Note) -> None:
    chain.idle()
    chain.stop("project")
    chain.catalog(
        *("generate", "--topic", "track", "--events", str(size.events)),
        *("--keys", str(size.events * 2 // 5), "--seed", "91"),
        seconds=1200,
    )
    worker = chain.start("project", PROJECT)
    began = time.monotonic()
    chain.idle(1200)
    note("events", size.events)
    note("seconds of a live worker", round(time.monotonic() - began, 1))
    live = peak_memory(worker.pid)
    note("peak memory of the worker, MB", round(live))
    rebuild = chain.watched("rebuild", "--json", seconds=1200)
    assert rebuild.code == 0, rebuild.errors
    note("seconds of a rebuild", round(rebuild.seconds, 1))
    note("peak memory of the rebuild, MB", round(rebuild.peak))
    assert json.loads(rebuild.out)["comparison"]["equal"] is True
    assert live < MOST_OF_A_WORKER
    assert rebuild.peak < MOST_OF_A_REBUILD
    assert psutil.pid_exists(worker.pid)

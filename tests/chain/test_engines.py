"""`catalog up` through the death of each engine: it starts them again, and all goes on."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import httpx
import psutil
import pytest
from lxml import etree

from adapters.composition.endpoints import resolve_endpoints
from adapters.composition.settings import Settings, load_settings
from adapters.embedded.processes import start
from adapters.embedded.restarts import HEALTHY_SECONDS
from tests.adapters.ingestion.deliveries import write_batch
from tests.adapters.ingestion.messages import album
from tests.chain.agreement import disagreements, event_ids
from tests.chain.conftest import Note
from tests.chain.loading import Load
from tests.chain.processes import CATALOG, ROOT, Chain, Child
from tests.chain.size import Size
from tests.waiting import until

pytestmark = pytest.mark.integration

ENGINES = {
    "Kafka": "kafka.Kafka",
    "Kafka Connect": "ConnectDistributed",
    "PostgreSQL": "pginstall/bin/postgres",
    "Schema registry": "quarkus-run.jar",
}
"""Title → what its command line holds."""


@pytest.fixture(scope="module")
def up() -> Iterator[Chain]:
    """A chain of its own under `catalog up`."""
    with TemporaryDirectory(prefix="catalog-up-") as folder:
        Path(folder).chmod(0o711)
        settings = load_settings(data=Path(folder) / "data")
        process = start(
            "up",
            [*CATALOG, "up"],
            log=Path(folder) / "up.log",  # the data folder must be empty at first
            cwd=ROOT,
            held=None,
            env={
                **Chain(settings, None)._environment(),  # type: ignore[arg-type]
                "CATALOG_INBOX__WHERE": json.dumps([str(_inbox(settings))]),
                "CATALOG_INBOX__INTERVAL": "0.5",
                "CATALOG_INBOX__SETTLE": "0",
            },
        )
        until(lambda: bool(psutil.Process(process.supervisor.pid).children()), 10, "it starts")
        child = Child(process, psutil.Process(process.supervisor.pid).children()[0].pid)
        try:
            until(lambda: "Ctrl-C stops" in child.output() or not child.is_running, 300, "it is up")
            assert child.is_running, child.output()
            yield Chain(settings, resolve_endpoints(settings), {"up": child})
        finally:
            child.stop()


def _inbox(settings: Settings) -> Path:
    """Where senders deliver; it is there before the chain is."""
    folder = settings.data.parent / "inbox"
    folder.mkdir(exist_ok=True)
    return folder


def _kill(chain: Chain, holds: str) -> None:
    """`kill -9` an engine of this chain, not its supervisor."""
    up = psutil.Process(chain.children["up"].pid)
    engine = next(
        process
        for supervisor in up.children()
        for process in supervisor.children()
        if holds in " ".join(process.cmdline())
    )
    engine.send_signal(signal.SIGKILL)


def _end(chain: Chain, title: str) -> None:
    """`kill -9` an engine, and wait until `up` says that it answers again."""
    up = chain.children["up"]
    told = f"{title} answers at "
    times = up.output().count(told)
    _kill(chain, ENGINES[title])
    until(
        lambda: up.output().count(told) > times or not up.is_running, 180, f"{title} answers again"
    )
    assert up.is_running, up.output()[-3000:]


def test_a_batch_in_the_inbox_is_taken_in_answered_and_found(up: Chain) -> None:
    inbox = _inbox(up.settings)
    isrc = "GBLF92699871"
    name = "20260101120000123"
    # Written beside the inbox and then moved: it may look at any moment
    batch = write_batch(inbox.parent / name, {"299000009001": album(isrcs=(isrc,))})
    batch.rename(inbox / name)
    answer = inbox / "acknowledgements" / f"ACK_{name}_299000009001.xml"
    until(lambda: answer.exists() or not up.children["up"].is_running, 60, "it is answered")
    assert up.children["up"].is_running, up.children["up"].output()
    until((inbox / "done" / name).exists, 30, "it is done")
    assert etree.fromstring(answer.read_bytes()).findtext(".//Status") == "FileOK"
    up.idle(120)
    [found] = up.look_up("isrc", [isrc])
    assert [match["owner"] for match in found["matches"]] == ["track"]


def test_engines_that_die_are_started_again_and_nothing_is_lost(
    up: Chain, size: Size, note: Note
) -> None:
    answered = dict.fromkeys(ENGINES, float("-inf"))
    with Load(up, size.engine_rate) as load:
        for title in list(ENGINES) * size.engine_kills:
            # One that never lives so long is given up, rightly
            until(lambda: monotonic() - answered[title] > HEALTHY_SECONDS, 60, "it lived")  # noqa: B023
            _end(up, title)
            answered[title] = monotonic()
    note("engines killed", len(ENGINES) * size.engine_kills)
    note("changes meanwhile", load.changes)
    note("seconds until idle", round(up.idle(300), 1))
    assert up.children["up"].is_running, up.children["up"].output()
    audited = json.loads(up.catalog("audit", "--json"))
    assert [table["table"] for table in audited if table["differences"]] == []
    assert disagreements(up.endpoints) == []
    assert [event for event, times in event_ids(up.endpoints).items() if times > 1] == []


def test_connect_tells_nobody_the_masters_password(up: Chain) -> None:
    """Not of the connector, nor of its task; and its log holds none."""
    password = (up.settings.data / "postgres-password").read_text()
    url = f"{up.endpoints.connect_url}/connectors/master"
    assert httpx.get(f"{url}/config").json()["database.password"].startswith("${file:")
    for path in ("", "/config", "/tasks", "/tasks-config"):
        assert password not in httpx.get(url + path).text
    assert password not in (up.settings.data / "logs" / "connect.log").read_text()

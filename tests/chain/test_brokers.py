"""Three brokers, three replicas: any one of them may be killed, and no worker ends.

The chain's names have a prefix, as on brokers that are shared.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from adapters.composition import clients
from adapters.composition.engines import running_engines
from adapters.composition.preparation import prepare
from adapters.composition.settings import load_settings
from adapters.composition.topology import topology
from domain.events import set_topic_prefix
from tests.chain.agreement import disagreements, event_ids
from tests.chain.brokers import COUNT, Brokers
from tests.chain.conftest import Note
from tests.chain.loading import Load
from tests.chain.processes import NEW_RELEASES, PROJECT, TRANSLATE, Chain
from tests.chain.size import Size

pytestmark = pytest.mark.integration


@pytest.fixture
def cluster() -> Iterator[Brokers]:
    """Three brokers that run."""
    with TemporaryDirectory(prefix="catalog-brokers-") as folder:
        brokers = Brokers(Path(folder), load_settings().cache)
        try:
            for number in range(COUNT):
                brokers.start(number)
            brokers.await_whole()
            yield brokers
        finally:
            brokers.stop()


@pytest.fixture
def replicated(cluster: Brokers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chain]:
    """A chain on these brokers, with its workers."""
    monkeypatch.setenv("CATALOG_KAFKA__BOOTSTRAP", cluster.bootstrap)
    monkeypatch.setenv("CATALOG_KAFKA__PREFIX", "eu.")
    with TemporaryDirectory(prefix="catalog-tests-") as folder:
        Path(folder).chmod(0o711)
        settings = load_settings(data=Path(folder) / "data")
        with running_engines(settings) as engines:
            prepare(settings, engines, lambda _: None)
            chain = Chain(settings, engines)
            try:
                chain.start("translate", TRANSLATE)
                chain.start("project", PROJECT)
                chain.start("new releases", NEW_RELEASES)
                yield chain
            finally:
                chain.stop(*list(chain.children))
                set_topic_prefix("")


def test_brokers_killed_one_at_a_time_under_load(
    cluster: Brokers, replicated: Chain, size: Size, note: Note
) -> None:
    chain = replicated
    states = clients.topics(chain.endpoints).states(
        [plan.name for plan in topology(chain.settings).all_topics]
    )
    assert {state.replication_factor for state in states.values()} == {COUNT}
    assert "eu.catalog.track" in states
    with Load(chain, size.engine_rate) as load:
        for number in list(range(COUNT)) * ((size.engine_kills + 1) // 2):
            cluster.await_whole()
            cluster.kill(number)
            cluster.start(number)
        cluster.await_whole()
    note("changes meanwhile", load.changes)
    _assert_all_run(chain)
    note("seconds until idle", round(chain.idle(300), 1))
    _assert_all_run(chain)
    chain.catalog("topics", "check")
    audited = json.loads(chain.catalog("audit", "--json"))
    assert [table["table"] for table in audited if table["differences"]] == []
    assert disagreements(chain.endpoints) == []
    assert [event for event, times in event_ids(chain.endpoints).items() if times > 1] == []


def _assert_all_run(chain: Chain) -> None:
    for name, child in chain.children.items():
        assert child.is_running, f"{name} ended: {child.output()[-2000:]}"

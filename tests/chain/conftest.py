"""The chain, prepared once for all tests here, and its usual processes before each test."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from confluent_kafka.admin import AdminClient

from adapters.composition.endpoints import Endpoints
from adapters.composition.preparation import prepare
from adapters.composition.settings import Settings
from adapters.composition.topology import READ_MODELS, topology
from tests.chain.processes import NEW_RELEASES, PROJECT, TRANSLATE, Chain
from tests.chain.size import Size, chosen
from tests.waiting import until

Note = Callable[[str, object], None]

FIGURES = "CHAIN_FIGURES"
"""Names a file to which what is measured is added, a JSON line each."""


@pytest.fixture(scope="session")
def prepared(settings: Settings, engines: Endpoints) -> Iterator[Chain]:
    """Master, topics, contracts and capture; no process of ours outlives the session."""
    _forget_topics(settings, engines)
    prepare(settings, engines, lambda _: None)
    chain = Chain(settings, engines)
    try:
        yield chain
    finally:
        chain.stop(*list(chain.children))


def _forget_topics(settings: Settings, engines: Endpoints) -> None:
    """Start from a message zero of our own: other tests of the run write into event topics too."""
    admin = AdminClient(dict(engines.kafka))

    def present() -> list[str]:
        there = admin.list_topics(timeout=30).topics
        return [topic.name for topic in topology(settings).all_topics if topic.name in there]

    if names := present():
        for deleted in admin.delete_topics(names).values():
            deleted.result()
        until(lambda: not present(), 30, "the topics of other tests are gone")


@pytest.fixture
def chain(prepared: Chain) -> Chain:
    """The prepared chain with one translator and a worker of each read model running."""
    prepared.start("translate", TRANSLATE)
    prepared.start("project", PROJECT)
    prepared.start("new releases", NEW_RELEASES)

    with psycopg.connect(prepared.endpoints.read_dsn, autocommit=True) as connection:

        def are_live() -> bool:
            found = connection.execute(
                "SELECT count(*) FROM engine.generation WHERE phase = 'live'"
            )
            return found.fetchone() == (len(READ_MODELS),)

        until(are_live, 60, "a first generation of each read model")
    return prepared


@pytest.fixture(scope="session")
def size() -> Size:
    """How much is done."""
    return chosen()


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Record a figure: shown with `-s`, and kept for `python -m tests.chain.acceptance`."""

    def write(what: str, figure: object) -> None:
        print(f"{what}: {figure}")
        if FIGURES in os.environ:
            line = {"test": request.node.name, "what": what, "figure": figure}
            with Path(os.environ[FIGURES]).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    return write

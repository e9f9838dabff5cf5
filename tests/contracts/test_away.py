"""What every port to the read database says while that is away: Unavailable, whatever is asked."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from adapters.read_database.dead_letters import PostgresDeadLetters
from adapters.read_database.generations import PostgresGenerations
from adapters.read_database.read_store import PostgresReadStore
from domain.failures import Unavailable
from projections.catalog import CATALOG
from projections.ports.dead_letters import RejectedRecord, Stage
from projections.ports.generations import Generation, Phase, Purpose, Throughput
from projections.ports.read_store import Write
from tests.contracts.test_read_database import ZERO, World, bad, filling, rows, step
from tests.projections.engine.memory_dead_letters import MemoryDeadLetters
from tests.projections.engine.memory_generations import MemoryGenerations
from tests.projections.engine.memory_store import MemoryDatabase, MemoryReadStore

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
ONE = Generation("catalog", 1, "catalog", Phase.LIVE)
FILLED = Generation("catalog", 2, "catalog_g2", Phase.FILLING)
REJECTED = RejectedRecord(Stage.PROJECT, "catalog.track", 0, 0, b"k", b"v", (), "why")
ADDED = (0, "TrackAdded", "a", "A")


@pytest.fixture(params=["memory", "postgres"])
def away(request: pytest.FixtureRequest) -> Iterator[World]:
    """A read database that doesn't answer."""
    if request.param == "memory":
        memory = MemoryDatabase(CATALOG)
        memory.is_away = True
        store = MemoryReadStore(memory)
        yield World(store, store, MemoryGenerations(memory), MemoryDeadLetters(memory))
        return
    real = PostgresReadStore(NOWHERE, CATALOG)
    generations = PostgresGenerations(NOWHERE, CATALOG)
    yield World(real, real, generations, PostgresDeadLetters(NOWHERE, CATALOG.name))


def entered(context: AbstractContextManager[object]) -> None:
    """Enter it and leave it again."""
    with context:
        pass


ASKED: dict[str, Callable[[World], object]] = {
    "live": lambda w: w.store.live(),
    "checkpoints": lambda w: w.store.checkpoints(1),
    "add_checkpoints": lambda w: w.store.add_checkpoints(1, list(ZERO)),
    "topic_ids": lambda w: w.store.topic_ids(1),
    "note_topic_ids": lambda w: w.store.note_topic_ids(1, {"catalog.track": "one"}),
    "forget_positions": lambda w: w.store.forget_positions(["catalog.track"]),
    "parked_keys": lambda w: w.store.parked_keys(1),
    "first_parked": lambda w: w.store.first_parked(1, {"catalog.track"}),
    "discarded": lambda w: w.store.discarded(),
    "write": lambda w: w.store.write(ONE, Write(rows(ADDED), step(0, 1), [bad(1, "k")])),
    "fill": lambda w: w.store.fill(FILLED, filling(ADDED)),
    "refusal": lambda w: w.store.refusal(FILLED, "track", next(iter(filling(ADDED).rows))),
    "exclusive": lambda w: entered(w.generations.exclusive()),
    "all": lambda w: w.generations.all(),
    "create": lambda w: w.generations.create(Purpose.SERVE, ZERO),
    "create live": lambda w: w.generations.create(Purpose.SERVE, ZERO, live=True),
    "resume": lambda w: w.generations.resume(FILLED),
    "claims": lambda w: entered(w.generations.claims(FILLED)),
    "advance": lambda w: w.generations.advance(FILLED, Phase.DIFFERENT),
    "note_progress": lambda w: w.generations.note_progress(FILLED, {}),
    "note_failure": lambda w: w.generations.note_failure(FILLED, "why"),
    "note_throughput": lambda w: w.generations.note_throughput(FILLED, "x", Throughput(1, 1.0)),
    "finish": lambda w: w.generations.finish(FILLED, lambda _: None),
    "read": lambda w: entered(w.generations.read(ONE)),
    "hold_live": lambda w: entered(w.generations.hold_live()),
    "drop": lambda w: w.generations.drop(FILLED),
    "park": lambda w: w.dead_letters.park(REJECTED),
    "first parked of a key": lambda w: w.dead_letters.first_parked(Stage.PROJECT, "t", b"k"),
    "first": lambda w: w.dead_letters.first(Stage.PROJECT, "t", b"k"),
    "places": lambda w: w.dead_letters.places(Stage.PROJECT),
    "parked keys of a topic": lambda w: w.dead_letters.parked_keys(Stage.PROJECT, "t"),
    "list": lambda w: w.dead_letters.list(),
    "show": lambda w: w.dead_letters.show(1),
    "discard": lambda w: w.dead_letters.discard([1]),
    "note a failure": lambda w: w.dead_letters.note_failure(1, "why"),
}


@pytest.mark.parametrize("asked", ASKED)
def test_whatever_is_asked_of_one_that_is_away_is_unavailable(away: World, asked: str) -> None:
    with pytest.raises(Unavailable):
        ASKED[asked](away)

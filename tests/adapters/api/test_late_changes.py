"""The feed of changes gives what was stored later than its place in the log says."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import polars as pl
import pytest

from adapters.api.cursors import write_cursor
from adapters.api.server import Serving, application
from adapters.read_database.dead_letters import PostgresDeadLetters
from adapters.read_database.generations import PostgresGenerations
from adapters.read_database.read_store import PostgresReadStore
from projections.catalog import CATALOG
from projections.engine.batch import project
from projections.ports.event_decoder import BadRecord
from projections.ports.event_log import RecordBatch
from projections.ports.generations import Generation, Phase, Purpose
from projections.ports.read_store import Filling, Move, Write
from projections.read_model import REMOVED
from tests.adapters.api.serving import serving
from tests.adapters.api.test_catalog import get
from tests.projections.engine.memory_log import JsonDecoder, event

pytestmark = pytest.mark.integration
PARTITION = ("catalog.release", 0)
COMMITTED = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class World:
    """A live read catalog and a partner who follows its changes."""

    generations: PostgresGenerations
    store: PostgresReadStore
    dead_letters: PostgresDeadLetters
    live: Generation
    client: httpx.Client
    cursor: str = ""

    def changes(self, query: str = "") -> list[str]:
        """Ids of what has changed since the partner asked last."""
        cursor = f"&cursor={self.cursor}" if self.cursor else ""
        page = get(self.client, f"/v1/releases?limit=50{query}{cursor}")
        self.cursor = page["next_cursor"]
        return [release["id"] for release in page["items"]]

    def park(self, offset: int, key: str) -> None:
        """The worker can't use a record."""
        bad = BadRecord(*PARTITION, offset, key.encode(), b"?", "why")
        self.store.write(self.live, Write({}, [Move(*PARTITION, offset, offset + 1)], [bad]))

    def project(self, offset: int, key: str) -> None:
        """The worker uses the next record."""
        self.store.write(
            self.live, Write(rows(offset, key), [Move(*PARTITION, offset, offset + 1)])
        )

    def resolve(self, offset: int, key: str) -> None:
        """A parked record is tried again, and can be used."""
        (number,) = [one.number for one in self.dead_letters.list() if one.offset == offset]
        self.store.write(self.live, Write(rows(offset, key), (), resolved=(number,)))


def rows(offset: int, key: str) -> dict[str, pl.DataFrame]:
    """What one event comes to."""
    value = event("ReleaseAdded", key, offset, at=COMMITTED, title=key)
    batch = RecordBatch(*PARTITION, [offset], [key.encode()], [value], offset + 1)
    return project(CATALOG, JsonDecoder(), [batch]).rows


@pytest.fixture
def world(database: str) -> Iterator[World]:
    """Nothing was said yet."""
    generations = PostgresGenerations(database, CATALOG)
    generations.migrate()
    live = generations.create(Purpose.SERVE, {PARTITION: 0}, live=True)
    with (
        closing(PostgresReadStore(database, CATALOG)) as store,
        closing(PostgresDeadLetters(database, CATALOG.name)) as dead_letters,
        serving(application(Serving(database, is_open=True))) as client,
    ):
        yield World(generations, store, dead_letters, live, client)


def test_a_parked_record_that_is_resolved_is_behind_every_cursor(world: World) -> None:
    world.park(0, "a")
    world.park(1, "b")
    world.project(2, "c")
    assert world.changes() == ["c"]
    world.resolve(1, "b")
    assert world.changes() == ["b"]
    world.resolve(0, "a")
    world.project(3, "d")
    assert world.changes() == ["a", "d"]
    assert world.changes() == []
    world.project(4, "e")
    assert world.changes() == ["e"]


def test_a_moment_to_begin_at_leaves_out_nothing_that_was_stored_since(world: World) -> None:
    recently = quote((datetime.now(UTC) - timedelta(minutes=1)).isoformat())
    world.park(0, "a")
    world.project(1, "b")
    assert world.changes(f"&updated_since={recently}") == []
    world.resolve(0, "a")
    assert world.changes(f"&updated_since={recently}") == ["a"]
    assert world.changes(f"&updated_since={recently}") == []


def test_a_cursor_of_a_release_that_noted_no_log_begins_anew(world: World) -> None:
    world.project(0, "a")
    cursor = write_cursor({0: 1}, ("changes", None, None, None))
    problem = get(world.client, f"/v1/releases?cursor={cursor}", status=410)
    assert problem["type"] == "/problems/former-log"


def test_a_cursor_of_former_topics_is_refused_and_passes_no_row_over(world: World) -> None:
    world.store.note_topic_ids(world.live.number, {PARTITION[0]: "former"})
    world.park(0, "a")
    world.project(1, "b")
    assert world.changes() == ["b"]
    world.resolve(0, "a")
    assert world.changes() == ["a"]
    former = world.cursor
    new = world.generations.create(Purpose.SERVE, {PARTITION: 1})
    world.store.note_topic_ids(new.number, {PARTITION[0]: "new"})
    (content,) = rows(0, "c").values()
    moves = Move(*PARTITION, 0, 1)
    world.store.fill(new, Filling(moves, "release", [content.drop(REMOVED)]))
    new = world.generations.finish(new, lambda _: None)
    new = world.generations.advance(new, Phase.VERIFIED)
    with world.generations.hold_live() as held:
        held.switch(new)
    problem = get(world.client, f"/v1/releases?cursor={former}", status=410)
    assert "Begin anew" in problem["detail"]
    world.cursor = ""
    assert world.changes() == ["c"]
    live = world.store.live()
    assert live is not None
    world.live = live
    world.project(1, "d")
    assert world.changes() == ["d"], "late changes of the former topics count no more"
    assert world.changes() == []


def test_what_a_rebuild_could_use_is_behind_every_cursor(world: World) -> None:
    world.park(0, "a")
    world.project(1, "b")
    assert world.changes() == ["b"]
    new = world.generations.create(Purpose.SERVE, {PARTITION: 2})
    (first,), (second,) = rows(0, "a").values(), rows(1, "b").values()
    frames = [frame.drop(REMOVED) for frame in (first, second)]
    world.store.fill(new, Filling(Move(*PARTITION, 0, 2), "release", frames))
    new = world.generations.finish(new, lambda _: None)
    new = world.generations.advance(new, Phase.VERIFIED)
    with world.generations.hold_live() as held:
        held.switch(new)
    assert world.changes() == ["a"]
    assert world.changes() == []

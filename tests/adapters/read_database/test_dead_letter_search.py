"""What is parked, as an operator looks through it: filters, pages, reasons, live ones only."""

from collections.abc import Iterator

import psycopg
import pytest

from adapters.read_database import dead_letter_search
from adapters.read_database.chain_state import ParkedCount, live_checkpoints, parked_counts
from adapters.read_database.dead_letter_search import DeadLetterFilter
from adapters.read_database.generation_rows import builders
from adapters.read_database.generations import PostgresGenerations
from projections.catalog import CATALOG
from projections.ports.generations import Purpose

pytestmark = pytest.mark.integration

TRACKS = ("catalog.track", 0)


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    """Generation 1 is live, 2 is being filled; each has dead letters, and so has translation."""
    generations = PostgresGenerations(database, CATALOG)
    generations.migrate()
    generations.create(Purpose.SERVE, {TRACKS: 0}, live=True)
    generations.create(Purpose.SERVE, {TRACKS: 0})
    parked = [
        ("translate", "", 0, "master.public.track", 5, b'{"id":"a"}', "no JSON"),
        ("project", "catalog", 1, "catalog.track", 7, b"a", "no event"),
        ("project", "catalog", 1, "catalog.track", 8, b"\xff", "no event"),
        ("project", "catalog", 1, "catalog.track", 9, None, "too old"),
        ("project", "catalog", 2, "catalog.track", 7, b"a", "no event"),
    ]
    with psycopg.connect(database, autocommit=True) as found:
        found.cursor().executemany(
            "INSERT INTO engine.dead_letter "
            '(stage, read_model, generation, topic, partition, "offset", key, reason) '
            "VALUES (%s, %s, %s, %s, 0, %s, %s, %s)",
            parked,
        )
        yield found


def offsets(connection: psycopg.Connection, **fields: str) -> list[int]:
    """Offsets of what a filter takes."""
    chosen = DeadLetterFilter.of(fields)
    lines = dead_letter_search.page(connection, chosen, after=0, limit=10)
    numbers = dead_letter_search.numbers(connection, chosen)
    assert [line.number for line in lines] == numbers
    return [line.offset for line in lines]


def test_filters(connection: psycopg.Connection) -> None:
    assert offsets(connection) == [5, 7, 8, 9]
    assert offsets(connection, stage="translate") == [5]
    assert offsets(connection, model="catalog", reason=" no event ") == [7, 8]
    assert offsets(connection, topic="catalog.track", key="a") == [7]
    assert offsets(connection, key="\0") == [5, 7, 8, 9], "nothing is left to ask for"
    assert offsets(connection, model="new_releases") == []


def test_pages_and_keys_as_text(connection: psycopg.Connection) -> None:
    first = dead_letter_search.page(connection, DeadLetterFilter(), after=0, limit=3)
    assert [line.key for line in first] == ['{"id":"a"}', "a", "\\xff"]
    rest = dead_letter_search.page(connection, DeadLetterFilter(), after=first[-1].number, limit=3)
    assert [(line.offset, line.key) for line in rest] == [(9, None)]


def test_reasons_and_counts(connection: psycopg.Connection) -> None:
    reasons = dead_letter_search.by_reason(connection)
    assert [(one.stage, one.reason, one.count) for one in reasons] == [
        ("project", "no event", 2),
        ("project", "too old", 1),
        ("translate", "no JSON", 1),
    ]
    assert len(dead_letter_search.by_reason(connection, limit=1)) == 1
    assert parked_counts(connection) == [
        ParkedCount("translate", "", 1),
        ParkedCount("project", "catalog", 3),
    ]


def test_live_checkpoints_and_builders(connection: psycopg.Connection, database: str) -> None:
    assert {at: one.position for at, one in live_checkpoints(connection, "catalog").items()} == {
        TRACKS: 0
    }
    assert live_checkpoints(connection, "new_releases") == {}
    models = ["catalog", "new_releases"]
    assert builders(connection, models) == set()
    with PostgresGenerations(database, CATALOG).exclusive():
        assert builders(connection, models) == {"catalog"}
    assert builders(connection, models) == set()

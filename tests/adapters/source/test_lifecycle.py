"""A source is brought up, changed and removed."""

from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest

from adapters.source.definition import Source
from adapters.source.inspection import verify
from adapters.source.lifecycle import bring_up, catch_up, remove, settle, topics_of
from adapters.source.mapping import MasterMapping
from tests.adapters.source.music import CASES, COLUMNS, Case, source_of
from tests.adapters.source.test_replicator import title
from tests.projections.engine.memory_log import MemoryLog

pytestmark = pytest.mark.integration

PLAIN = source_of(CASES["one to one"])
RELEASES = ("music.public.release", 0)


@pytest.fixture
def connection(master_database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(master_database, autocommit=True) as opened:
        yield opened


@pytest.fixture
def log() -> MemoryLog:
    source = Source("music", PLAIN.tables, PLAIN.mappings, topics="music")
    found = MemoryLog.of(topics_of(source), 1)
    for number in range(1, 8):
        found.append(RELEASES, None, title(number, f"T{number}", number, "r"))
    return found


def _source(*cases: Case) -> Source:
    of = source_of(*cases)
    return Source("music", of.tables, of.mappings, topics="music")


def _run(
    connection: psycopg.Connection, source: Source, log: MemoryLog
) -> tuple[list[MasterMapping], Counter[str]]:
    mappings = bring_up(connection, source, COLUMNS).mappings
    taken = catch_up(connection, source, mappings, log)
    return mappings, taken.written + settle(connection, source, mappings)


def test_the_first_load_writes_each_row_once(
    connection: psycopg.Connection, log: MemoryLog
) -> None:
    source = _source(CASES["one to one"])
    _, written = _run(connection, source, log)
    assert written == Counter({"release inserted": 7})
    assert _run(connection, source, log)[1] == Counter()
    log.append(RELEASES, None, title(1, "new", 100))
    mappings, written = _run(connection, source, log)
    assert written == Counter({"release updated": 1})
    assert verify(connection, source, mappings) == []


def test_a_killed_load_goes_on(connection: psycopg.Connection, log: MemoryLog) -> None:
    source = _source(CASES["one to one"])
    chunks = iter([None, None, KeyboardInterrupt()])

    def kill() -> None:
        if (signal := next(chunks)) is not None:
            raise signal

    log.on_chunk = kill
    with pytest.raises(KeyboardInterrupt):
        _run(connection, source, log)
    log.on_chunk = lambda: None
    assert _run(connection, source, log)[1] == Counter({"release inserted": 7})


def test_a_changed_mapping_changes_only_what_differs(
    connection: psycopg.Connection, log: MemoryLog
) -> None:
    _run(connection, _source(CASES["one to one"]), log)
    text = "SELECT 'r' || id AS id, CASE id WHEN 1 THEN 'X' ELSE title END AS title FROM release"
    log.append(RELEASES, None, title(2, "new", 100))
    _, written = _run(connection, _source(Case("release", text)), log)
    assert written == Counter({"release updated": 2})


def test_rows_of_a_mapping_that_is_gone_go(connection: psycopg.Connection, log: MemoryLog) -> None:
    artists = Case("artist", "SELECT id, title AS display_name FROM release")
    _run(connection, _source(CASES["one to one"], artists), log)
    _, written = _run(connection, _source(CASES["one to one"]), log)
    assert written == Counter({"artist deleted": 7})


def test_what_is_removed_leaves_nothing(connection: psycopg.Connection, log: MemoryLog) -> None:
    source = _source(CASES["one to one"])
    connection.execute("INSERT INTO release (id, message_id) VALUES ('theirs', 'feed:1')")
    _run(connection, source, log)
    assert remove(connection, source) == Counter({"release deleted": 7})
    assert remove(connection, source) == Counter()
    left = connection.execute("SELECT id FROM release").fetchall()
    assert left == [("theirs",)]
    gone = connection.execute("SELECT to_regnamespace('source_music')::text").fetchone()
    assert gone == (None,)


def test_a_stopped_partition_is_told_each_time(
    connection: psycopg.Connection, log: MemoryLog
) -> None:
    source = _source(CASES["one to one"])
    log.append(RELEASES, None, b"\0avr")
    log.append(RELEASES, None, title(9, "after", 200))
    mappings = bring_up(connection, source, COLUMNS).mappings
    for _ in range(2):
        taken = catch_up(connection, source, mappings, log)
        assert taken.stopped == {
            RELEASES: "offset 7: it is not in Confluent's wire format (0x00, 4 bytes of schema id)"
        }

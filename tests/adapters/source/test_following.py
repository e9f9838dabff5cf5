"""A live source is followed: topics that stop rest alone, and a new definition ends it."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from adapters.source import register
from adapters.source.folder import parse
from adapters.source.following import RETRY_SECONDS, Following
from adapters.source.lifecycle import bring_up, catch_up, reader_of, settle, topics_of
from domain.failures import WrongUsage
from tests.adapters.source.music import COLUMNS, KEYS
from tests.adapters.source.test_replicator import record, title
from tests.projections.engine.memory_log import MemoryLog

pytestmark = pytest.mark.integration

TABLES = "".join(f'[tables.{table}]\nkey = ["{KEYS[table][0]}"]\n' for table in COLUMNS)
FILES = {
    "source.toml": f'topics = "music"\n{TABLES}'.replace(
        'release_label]\nkey = ["release"]', 'release_label]\nkey = ["release", "label"]'
    ),
    "release.sql": "SELECT 'r' || id AS id, title FROM release",
    "label.sql": "SELECT 'l' || id AS id, name FROM label",
}
SOURCE = parse(FILES, "music")
RELEASES, LABELS = ("music.public.release", 0), ("music.public.label", 0)
TURNS = 5


@pytest.fixture
def connection(master_database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(master_database, autocommit=True) as opened:
        yield opened


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog.of(topics_of(SOURCE), 1)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def label(number: int, name: str, commit: int) -> bytes:
    return record("u", {"id": number, "name": name}, commit, "label")


def followed(
    connection: psycopg.Connection, log: MemoryLog, each_turn: Callable[[int], None], clock: Clock
) -> Following:
    """Follow for some turns; before each something happens."""
    brought = bring_up(connection, SOURCE, COLUMNS, FILES)
    catch_up(connection, SOURCE, brought.mappings, log)
    settle(connection, SOURCE, brought.mappings)
    register.set_state(connection, SOURCE, register.LIVE)
    following = Following(
        connection, SOURCE, brought.mappings, reader_of(connection, SOURCE), clock
    )
    turn = 0

    def stop() -> bool:
        nonlocal turn
        if turn == 0:
            log.subscriptions[0].assign(list(log.partitions))
        each_turn(turn)
        turn += 1
        return turn > TURNS

    following.run(log, "group", stop)
    assert turn <= TURNS + 1
    return following


def rows(connection: psycopg.Connection, master: str, column: str) -> dict[str, str]:
    return dict(connection.execute(f"SELECT id, {column} FROM {master}").fetchall())


def test_what_comes_is_taken_in(connection: psycopg.Connection, log: MemoryLog) -> None:
    log.append(RELEASES, None, title(1, "A", 1, "r"))

    def each_turn(turn: int) -> None:
        log.append(RELEASES, None, title(1, f"B{turn}", 10 + turn))

    assert followed(connection, log, each_turn, Clock()).rows == TURNS
    assert rows(connection, "release", "title") == {"r1": f"B{TURNS - 1}"}
    found = register.known(connection, "music")
    assert (found.state, found.stopped, found.source) == ("live", None, SOURCE)
    assert found.changed_at is not None
    with pytest.raises(WrongUsage, match="no source other is applied; there are: music"):
        register.known(connection, "other")


def test_a_topic_that_stops_harms_no_other_and_is_tried_again(
    connection: psycopg.Connection, log: MemoryLog
) -> None:
    clock = Clock()
    seen = []

    def each_turn(turn: int) -> None:
        if turn == 0:
            log.append(LABELS, None, label(1, "A", 1))
            log.append(LABELS, None, b"nonsense")
            log.append(LABELS, None, label(1, "B", 3))
        log.append(RELEASES, None, title(turn, "T", 10 + turn))
        seen.append(register.known(connection, "music").stopped)
        if turn == 2:
            assert rows(connection, "label", "name") == {"l1": "A"}
            offset, key, _ = log.partitions[LABELS][1]
            log.partitions[LABELS][1] = (offset, key, label(1, "mended", 2))
            clock.now = RETRY_SECONDS + 1

    followed(connection, log, each_turn, clock)
    assert len(rows(connection, "release", "title")) == TURNS
    assert rows(connection, "label", "name") == {"l1": "B"}
    assert seen[1] is not None
    assert seen[1].startswith("music.public.label/0: offset 1:")
    assert register.known(connection, "music").stopped is None


def test_a_source_that_is_defined_anew_is_left(
    connection: psycopg.Connection, log: MemoryLog
) -> None:
    turns = []

    def each_turn(turn: int) -> None:
        turns.append(turn)
        if turn == 1:
            other = parse({**FILES, "label.sql": "SELECT id, 'X' AS name FROM label"}, "music")
            register.define(connection, other, FILES)
            log.append(RELEASES, None, title(1, "A", 1))

    followed(connection, log, each_turn, Clock())
    assert turns == [0, 1]
    assert rows(connection, "release", "title") == {}

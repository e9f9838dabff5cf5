"""What comes again is dropped where that is proven, whatever connector sent it; nothing else is."""

import json
from dataclasses import replace
from typing import Any

import pytest

from adapters.capture.records import DebeziumReader
from adapters.event_log.avro.encoder import AvroEventEncoder
from domain.failures import Unavailable
from projections.ports.event_log import Bounds
from projections.translation import earlier
from projections.translation.interpreter import Interpreter
from projections.translation.session import MOST_UNDECODABLE, Session, TransactionAborted
from tests.adapters.capture.forms import DB2, MARIADB, ORACLE, POSTGRES, SQL_SERVER
from tests.adapters.capture.forms import key as key_of
from tests.adapters.capture.forms import value as record_of
from tests.adapters.event_log.avro.dictionary import DictionaryRegistry
from tests.projections.translation.memory_brokers import MemoryBrokers, MemoryChanges
from tests.projections.translation.translating import Translation

AT = ("master.public.artist", 0)
START = 1_700_000_000_000
HOUR = 3_600_000
_REGISTRY = DictionaryRegistry()
Record = tuple[bytes | None, bytes | None]


def postgres(number: int) -> dict[str, Any]:
    return {**POSTGRES, "sequence": json.dumps([str(number), str(number)])}


def sql_server(number: int) -> dict[str, Any]:
    """Three changes a commit, in another order than their LSNs."""
    commit, change = divmod(number, 3)
    return {
        **SQL_SERVER,
        "commit_lsn": f"00000027:{commit:08x}:0005",
        "change_lsn": f"00000027:{commit:08x}:{9 - change:04x}",
    }


def db2(number: int) -> dict[str, Any]:
    lsn = f"00000000:00000000:00000000:{number:08x}"
    return {**DB2, "commit_lsn": lsn, "change_lsn": lsn}


def binlog(number: int) -> dict[str, Any]:
    """Two rows an event, files that are rotated."""
    event, row = divmod(number, 2)
    file, place = divmod(event, 400)
    return {
        **MARIADB,
        "file": f"mariadb-bin.{file + 999999:06d}",
        "pos": 4 + 97 * place,
        "row": row,
        "gtid": f"0-1-{event}",
    }


def mysql(number: int) -> dict[str, Any]:
    return {**binlog(number), "connector": "mysql", "gtid": None}


def oracle(number: int) -> dict[str, Any]:
    """Two changes a commit."""
    scn = str(995 + number // 2)
    return {**ORACLE, "commit_scn": scn, "scn": scn, "ssn": number % 2, "txId": f"1.1.{scn}"}


SOURCES = [postgres, sql_server, db2, binlog, mysql, oracle]


def update(source: dict[str, Any], number: int, ms: int = START) -> Record:
    """One of ten rows gets another version."""
    row: dict[str, Any] = {"id": str(number % 10), "display_name": f"v{number}"}
    row |= dict.fromkeys(("sort_name", "party_id", "message_id"))
    told = {**source, "table": "artist", "ts_ms": ms + number, "ts_us": (ms + number) * 1000}
    return key_of(str(row["id"])), record_of("u", None, row, told)


class World:
    """A translator of real records over brokers in memory."""

    def __init__(self, *, is_exactly_once: bool = True) -> None:
        self.brokers = MemoryBrokers({AT: []})
        self.changes = MemoryChanges(self.brokers)
        reader = DebeziumReader(is_exactly_once=is_exactly_once)
        interpreter = Interpreter(reader, AvroEventEncoder(_REGISTRY))
        self.translation = Translation(self.brokers, interpreter=interpreter)
        self.start()

    def start(self) -> None:
        """A new process."""
        context = self.translation.context(given=(AT,))
        self.counters = context.counters
        self.session = Session(replace(context, positions=None, changes=self.changes))

    def translate(self, *records: Record) -> int:
        """Capture sends these; how many events there are."""
        for one in records:
            self.brokers.append(AT, *one)
        while self.session.step(0):
            pass
        return len(self.brokers.written)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("is_restarted", [False, True])
def test_connect_is_killed_and_sends_again(source: Any, *, is_restarted: bool) -> None:
    """MariaDB: 3,000 updates became 3,066 events, and rows went 65 versions back."""
    world = World()
    updates = [update(source(number), number) for number in range(3_000)]
    world.translate(*updates[:2_000])
    if is_restarted:
        world.start()
    assert world.translate(*updates[1_934:2_500]) == 2_500
    assert world.translate(*updates[2_435:]) == 3_000
    assert world.translation.dead_letters.list() == []


@pytest.mark.parametrize("source", [postgres, mysql, db2])
def test_a_clock_that_was_ahead_hides_no_change_of_a_restored_server(
    source: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    before = [update(source(number), number) for number in range(100)]
    ahead = update(source(100), 100, START + HOUR)
    assert world.translate(*before, ahead) == 101
    restored = [update(source(number), number, START + HOUR // 2) for number in range(50, 90)]
    assert world.translate(*restored) == 141
    (said,) = [one.message for one in caplog.records if "began anew" in one.message]
    assert "catalog audit artist" in said
    assert world.translate(*restored[20:]) == 141, "what the restored server sends again is known"


def test_a_replica_sends_again_what_the_primary_sent() -> None:
    """MySQL and MariaDB with global ids: the replica's positions are others, and lower here."""
    world = World()
    assert world.translate(*(update(binlog(number), number) for number in range(900))) == 900
    replica = [
        update({**binlog(number), "file": "mariadb-bin.000001"}, number)
        for number in range(850, 950)
    ]
    assert world.translate(*replica) == 950


def test_a_topic_is_read_back_once_for_a_run_of_repeats() -> None:
    world = World()
    updates = [update(postgres(number), number) for number in range(300)]
    world.translate(*updates)
    world.translate(*updates[100:])
    assert (world.counters.duplicates, world.changes.reads) == (200, 1)


def test_reading_back_goes_as_far_as_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(earlier, "FIRST_LOOK", 4)
    world = World()
    updates = [update(postgres(number), number) for number in range(100)]
    world.translate(*updates)
    assert world.translate(*updates[20:]) == 100
    assert world.changes.reads == 5  # 4, 8, 16, 32, 64 records
    world.translate(update(postgres(98), 98, START - HOUR))
    assert len(world.brokers.written) == 101
    assert world.changes.reads == 6, "a lower position stands before it: it was never here"


def test_a_record_without_a_position_says_nothing_of_where_the_log_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Changes of a connector that gives none, between those of one that does."""
    monkeypatch.setattr(earlier, "FIRST_LOOK", 4)
    world = World(is_exactly_once=False)
    updates = [update(postgres(number), number) for number in range(20)]
    lost = update({**POSTGRES, "sequence": None, "lsn": None}, 20)
    monotone = [*updates, *(lost for _ in range(5))]
    assert world.translate(*monotone, *updates[10:]) == 25


def test_what_the_topic_has_forgotten_is_taken_for_new(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    updates = [update(postgres(number), number) for number in range(100)]
    world.translate(*updates)
    monkeypatch.setattr(world.changes, "bounds", lambda _: {AT: Bounds(90, 101)})
    assert world.translate(updates[50]) == 101


def test_brokers_that_are_away_in_doubt_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    updates = [update(postgres(number), number) for number in range(10)]
    world.translate(*updates)

    def away(_: object) -> dict[tuple[str, int], Bounds]:
        raise Unavailable("the brokers are away")

    with monkeypatch.context() as patch:
        patch.setattr(world.changes, "bounds", away)
        with pytest.raises(TransactionAborted):
            world.translate(updates[5])
    assert world.translate() == 10
    assert world.counters.duplicates == 1


def test_a_connector_without_positions_is_stopped_not_let_through(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    unknown = {**POSTGRES, "connector": "cockroachdb", "sequence": None, "lsn": None}
    records = [update(unknown, number) for number in range(MOST_UNDECODABLE + 10)]
    assert world.translate(*records) == 0
    assert world.counters.stopped_topics == {AT[0]}
    assert len(world.translation.dead_letters.list()) == MOST_UNDECODABLE
    (said,) = [one.message for one in caplog.records if one.levelname == "ERROR"]
    assert "'cockroachdb' doesn't say where" in said


def test_garbage_without_a_position_stops_no_topic() -> None:
    world = World()
    lost = {**POSTGRES, "sequence": None, "lsn": None}
    world.translate(update(postgres(1), 1))
    records = [update(lost, number) for number in range(MOST_UNDECODABLE + 10)]
    world.translate(*records)
    assert world.counters.stopped_topics == set()
    assert world.counters.records == len(records) + 1

"""Absent is not null: `alter table artist rename column display_name to shown_name` wrote null over
every name that was touched. What a topic's earlier records never had is lacking in truth."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from adapters.capture.records import DebeziumReader
from adapters.event_log.avro.encoder import AvroEventEncoder
from projections.translation.interpreter import Interpreter
from projections.translation.policy import AbsentColumn, Policy
from projections.translation.retry import RetryContext, retry
from projections.translation.session import Session, TransactionAborted
from tests.adapters.capture.forms import POSTGRES, key, value
from tests.adapters.event_log.avro.dictionary import DictionaryRegistry
from tests.projections.translation.memory_brokers import (
    MemoryBrokers,
    MemoryEventWriter,
    MemoryGroupPositions,
)
from tests.projections.translation.translating import GROUP, DeadLettersAway, Translation

ARTIST, LABEL = ("master.public.artist", 0), ("master.public.label", 0)
WHOLE = {"id": "1", "display_name": "Björk", "sort_name": "Björk", "party_id": None}
RENAMED = {"id": "1", "shown_name": "Björk!", "sort_name": "Björk", "party_id": None}
_REGISTRY = DictionaryRegistry()


class World:
    """A translator of real records over brokers in memory."""

    def __init__(self, absent: AbsentColumn = AbsentColumn.STOP) -> None:
        self.brokers = MemoryBrokers({ARTIST: [], LABEL: []})
        self.interpreter = Interpreter(DebeziumReader(), AvroEventEncoder(_REGISTRY))
        self.translation = Translation(
            self.brokers, interpreter=self.interpreter, policy=Policy(absent_column=absent)
        )
        self.session = self.started()
        self.said = 0

    def started(self) -> Session:
        """A new process."""
        return Session(replace(self.translation.context(given=(ARTIST, LABEL)), positions=None))

    def say(self, *rows: Mapping[str, object], at: tuple[str, int] = ARTIST) -> None:
        """The master's rows change."""
        for row in rows:
            self.said += 1
            record = value(
                "u" if self.said > 1 else "c",
                None,
                {"message_id": None, **row},
                {**POSTGRES, "table": at[0].rpartition(".")[2]},
                sequence=f'["{self.said}","{self.said}"]',
            )
            self.brokers.append(at, key(str(row["id"])), record)

    def translate(self) -> int:
        """All there is; how many events there are."""
        while self.session.step(0):
            pass
        return len(self.brokers.written)

    @property
    def stopped(self) -> set[str]:
        """Topics that are read no more."""
        return self.session._counters.stopped_topics

    def reasons(self) -> list[str]:
        """Why records are parked."""
        return [one.reason for one in self.translation.dead_letters.list()]


def position(world: World, at: tuple[str, int] = ARTIST) -> int:
    committed = world.brokers.position(GROUP, at)
    assert committed is not None
    return committed.offset


def test_a_renamed_column_stops_its_topic_alone(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.say(WHOLE)
    assert world.translate() == 1
    world.say(WHOLE, RENAMED, WHOLE)
    world.say({"id": "l", "name": "One", "party_id": None}, at=LABEL)
    assert world.translate() == 3
    assert world.stopped == {ARTIST[0]}
    assert position(world) == 2, "the record that lacks it is not passed"
    assert (position(world, LABEL), world.reasons()) == (1, [])
    (said,) = [one.message for one in caplog.records if one.levelname == "ERROR"]
    assert "artist lacks display_name" in said
    (stop,) = world.translation.stops
    assert (stop.topic, stop.partition, stop.offset) == (*ARTIST, 2)
    assert "artist lacks display_name" in stop.reason
    assert "CATALOG_TRANSLATE__ABSENT_COLUMN" in stop.reason


def test_a_stop_that_can_not_be_noted_is_noted_later() -> None:
    world = World()
    letters = world.translation.dead_letters
    assert isinstance(letters, DeadLettersAway)
    letters.are_away = True
    world.say(WHOLE, RENAMED)
    with pytest.raises(TransactionAborted):
        world.translate()
    assert (world.stopped, world.translation.stops) == (set(), [])
    letters.are_away = False
    assert world.translate() == 1
    assert [one.offset for one in world.translation.stops] == [1]


@pytest.mark.parametrize("restarts", [1, 2])
def test_it_stops_again_after_a_restart(restarts: int) -> None:
    world = World()
    world.say(WHOLE)
    world.translate()
    for _ in range(restarts):
        world.session = world.started()
        world.say(RENAMED)
        assert world.translate() == 1
        assert world.stopped == {ARTIST[0]}


def test_a_record_that_stopped_its_topic_is_no_repeat_later() -> None:
    world = World()
    world.say(WHOLE, RENAMED)
    world.translate()
    world.translation.policy = Policy(absent_column=AbsentColumn.NULL)
    world.session = world.started()
    assert world.translate() == 2
    assert (world.stopped, world.session._counters.duplicates) == (set(), 0)


def test_it_parks_by_policy_and_a_retry_does_not_write_null() -> None:
    world = World(AbsentColumn.PARK)
    world.say(WHOLE, RENAMED, {**WHOLE, "id": "2"})
    assert world.translate() == 2
    (reason,) = world.reasons()
    assert "artist lacks display_name" in reason
    assert "catalog recapture TABLE ID" in reason
    context = RetryContext(
        world.interpreter,
        world.translation.dead_letters,
        MemoryEventWriter(world.brokers, "retry"),
        MemoryGroupPositions(world.brokers, "retry"),
    )
    assert len(retry(context).failed) == 1
    assert len(world.brokers.written) == 2


@pytest.mark.parametrize("policy", list(AbsentColumn))
def test_history_before_a_column_was_added_lacks_it_truthfully(policy: AbsentColumn) -> None:
    world = World(policy)
    older = {name: what for name, what in WHOLE.items() if name != "sort_name"}
    world.say(older, older, WHOLE)
    world.say({"id": "2", "display_name": "Sade", "party_id": None, "sort_name": None})
    assert world.translate() == 4
    assert (world.stopped, world.reasons()) == (set(), [])
    world.say(older)
    assert world.translate() == (5 if policy is AbsentColumn.NULL else 4)


def test_what_was_undone_was_not_seen() -> None:
    world = World()
    older = {name: what for name, what in WHOLE.items() if name != "sort_name"}
    world.say(older, WHOLE)
    world.brokers.fault = "commit"
    steps(world, 2)
    assert len(world.brokers.written) == 2
    assert world.stopped == set()


def test_a_delete_lacks_nothing() -> None:
    world = World()
    world.say(WHOLE)
    gone = value("d", {"id": "1"}, None, {**POSTGRES, "table": "artist"}, sequence='["9","9"]')
    world.brokers.append(ARTIST, key("1"), gone)
    assert world.translate() == 2
    assert world.stopped == set()


def steps(world: World, count: int) -> None:
    for _ in range(count):
        try:
            world.session.step(0)
        except TransactionAborted:
            continue


def absent(rows: Sequence[Mapping[str, object]]) -> list[frozenset[str]]:
    reader = DebeziumReader()
    found = []
    for row in rows:
        record = value("c", None, dict(row), {**POSTGRES, "table": "artist"})
        change = reader.read(ARTIST[0], 0, 0, key("1"), record)
        found.append(change.absent)  # type: ignore[union-attr]
    return found


def test_the_reader_names_what_is_absent_whatever_came_before() -> None:
    whole = {**WHOLE, "message_id": None}
    lacking = {name: what for name, what in whole.items() if name != "party_id"}
    bare = {"id": "1"}
    others = frozenset({"display_name", "sort_name", "party_id", "message_id"})
    assert absent([whole, lacking, whole, bare, lacking, whole]) == [
        frozenset(), {"party_id"}, frozenset(), others, {"party_id"}, frozenset(),
    ]  # fmt: skip

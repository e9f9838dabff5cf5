"""One session: what is parked, what is undone, what is stopped, and that it happens once."""

import logging
from collections.abc import Sequence
from typing import cast

import pytest

from adapters.read_database.dead_letters import PostgresDeadLetters
from domain.changes import Change
from domain.failures import LONGEST_REASON, Misconfigured, Unavailable
from projections.ports.change_log import ChangeBatch, Position, Superseded
from projections.ports.change_reader import Undecodable
from projections.ports.dead_letters import Headers, RejectedRecord
from projections.ports.event_writer import OutgoingEvent
from projections.translation import session as sessions
from projections.translation.interpreter import Interpreter
from projections.translation.session import TransactionAborted
from tests.projections.translation.memory_brokers import MemoryBrokers, MemoryEventWriter
from tests.projections.translation.translating import (
    GROUP,
    POISON,
    TOPIC,
    DeadLettersAway,
    PlainInterpreter,
    Translation,
    dead_letters,
)

AT = (TOPIC, 0)


@pytest.fixture
def brokers() -> MemoryBrokers:
    return MemoryBrokers({AT: []})


def test_it_waits_for_a_read_database_that_is_away(brokers: MemoryBrokers) -> None:
    away = PostgresDeadLetters("postgresql://u:p@127.0.0.1:1/none?connect_timeout=2", None)
    session = Translation(brokers, away).session()
    brokers.append(AT, b"a", POISON)
    for _ in range(2):
        with pytest.raises(TransactionAborted):
            session.step(0)
    assert (brokers.written, brokers.committed) == ([], {})


def test_poison_that_comes_while_the_read_database_is_away_is_parked_later(
    brokers: MemoryBrokers,
) -> None:
    parked = dead_letters()
    session = Translation(brokers, parked).session()
    brokers.append(AT, b"a", POISON)
    brokers.append(AT, b"b", b"00000001")
    parked.are_away = True
    with pytest.raises(TransactionAborted, match="away"):
        session.step(0)
    parked.are_away = False
    session.step(0)
    assert [one.key for one in parked.list()] == [b"a"]
    assert [event.key for event in brokers.written] == [b"b"]


def test_an_event_that_is_too_large_is_parked_and_the_others_go_on(brokers: MemoryBrokers) -> None:
    translation = Translation(brokers)
    session = translation.session()
    brokers.refuses = {b"big"}
    brokers.append(AT, b"big", b"00000001")
    brokers.append(AT, b"ok", b"00000002")
    session.step(0)
    (record,) = translation.dead_letters.list()
    assert (record.key, record.offset) == (b"big", 0)
    assert "bytes" in record.reason
    assert translation.written() == [(b"ok", b"00000002")]


def test_none_of_a_records_events_is_written_where_a_later_one_is_too_large(
    brokers: MemoryBrokers,
) -> None:
    class Second(PlainInterpreter):
        """The second event of each change has a key of its own."""

        def events(self, change: Change) -> list[OutgoingEvent]:
            first, second = super().events(change)
            return [first, second._replace(key=second.key + b"-second")]

    translation = Translation(brokers, interpreter=Second(lambda _: 2))
    session = translation.session()
    brokers.refuses = {b"a-second"}
    brokers.append(AT, b"a", b"00000001")
    brokers.append(AT, b"b", b"00000002")
    with pytest.raises(TransactionAborted):
        session.step(0)
    session.step(0)
    assert [event.key for event in brokers.written] == [b"b", b"b-second"]
    assert [record.key for record in translation.dead_letters.list()] == [b"a"]


def test_what_was_discarded_is_not_parked_again_by_the_next_attempt(
    brokers: MemoryBrokers,
) -> None:
    translation = Translation(brokers)
    session = translation.session()
    brokers.append(AT, b"a", POISON)
    brokers.append(AT, b"a", b"00000002")
    brokers.fault = "commit"
    with pytest.raises(TransactionAborted):
        session.step(0)
    parked = translation.dead_letters
    assert len(parked.list()) == 2
    parked.discard([one.number for one in parked.list()])
    session.step(0)
    assert (parked.list(), brokers.written) == ([], [])
    assert brokers.position(GROUP, AT) == Position(2, brokers.committed[GROUP][AT].note)


def test_a_reason_is_bounded(brokers: MemoryBrokers) -> None:
    class Talkative(PlainInterpreter):
        def change(self, *_: object) -> Change:
            raise Undecodable("x" * 5_000_000)

    class Heard(DeadLettersAway):
        reasons: list[str] = []  # noqa: RUF012

        def park(self, record: RejectedRecord) -> None:
            self.reasons.append(record.reason)

    parked = Heard(dead_letters()._db)
    brokers.append(AT, b"a", b"1")
    Translation(brokers, parked, Talkative()).session().step(0)
    (reason,) = parked.reasons
    assert len(reason) < LONGEST_REASON + 50


def test_a_topic_of_which_nothing_can_be_decoded_stops_alone_with_one_message(
    brokers: MemoryBrokers, caplog: pytest.LogCaptureFixture
) -> None:
    other = ("master.public.label", 0)
    translation = Translation(brokers)
    context = translation.context(given=(AT, other))
    session = sessions.Session(context)
    for number in range(2_000):
        brokers.append(AT, b"%d" % number, POISON)
    brokers.append(other, b"l", b"00000001")
    for _ in range(3):
        session.step(0)
    brokers.append(other, b"l", b"00000002")
    session.step(0)
    assert len(translation.dead_letters.list()) == sessions.MOST_UNDECODABLE
    assert [value for _, value in translation.written()] == [b"00000001", b"00000002"]
    assert context.counters.stopped_topics == {TOPIC}
    errors = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "value.converter" in errors[0].getMessage()
    (stop,) = translation.stops
    assert (stop.topic, stop.partition, stop.offset) == (*AT, sessions.MOST_UNDECODABLE)
    assert "then start translation again" in stop.reason
    # What wasn't looked at is still there for whoever comes next
    assert brokers.committed[GROUP][AT].offset == sessions.MOST_UNDECODABLE


def test_a_topic_of_which_something_could_be_decoded_goes_on(brokers: MemoryBrokers) -> None:
    translation = Translation(brokers)
    session = translation.session()
    brokers.append(AT, b"good", b"00000001")
    for number in range(2 * sessions.MOST_UNDECODABLE):
        brokers.append(AT, b"%d" % number, POISON)
    session.step(0)
    assert len(translation.dead_letters.list()) == 2 * sessions.MOST_UNDECODABLE


def test_what_could_be_decoded_before_a_restart_counts(brokers: MemoryBrokers) -> None:
    translation = Translation(brokers)
    brokers.append(AT, b"good", b"00000001")
    translation.session().step(0)
    session = translation.session()
    for number in range(2 * sessions.MOST_UNDECODABLE):
        brokers.append(AT, b"%d" % number, POISON)
    brokers.append(AT, b"good", b"00000002")
    session.step(0)
    assert [value for _, value in translation.written()] == [b"00000001", b"00000002"]
    assert not translation.stops


def test_positions_that_the_brokers_forgot_are_taken_from_the_events(
    brokers: MemoryBrokers,
) -> None:
    translation = Translation(brokers)
    for number in range(6):
        brokers.append(AT, b"k", b"%08d" % number)
    translation.session().step(0)
    written = translation.written()
    assert len(written) == 6
    brokers.committed.clear()
    brokers.append(AT, b"k", b"%08d" % 5)  # capture sends its last once more
    brokers.append(AT, b"k", b"%08d" % 6)
    translation.session().step(0)
    assert translation.written() == [*written, (b"k", b"%08d" % 6)]


def test_a_position_that_is_not_ours_is_refused(brokers: MemoryBrokers) -> None:
    brokers.committed[GROUP] = {AT: Position(7, "somebody else's")}
    with pytest.raises(Misconfigured, match="same group"):
        Translation(brokers).session().step(0)


def test_who_was_replaced_writes_nothing_more(brokers: MemoryBrokers) -> None:
    translation = Translation(brokers)
    first = translation.session()
    brokers.append(AT, b"a", b"00000001")
    translation.session()
    with pytest.raises(Superseded):
        first.step(0)
    assert brokers.written == []


def test_a_fault_of_ours_ends_the_process_and_commits_nothing(brokers: MemoryBrokers) -> None:
    class Broken(DeadLettersAway):
        def park(self, record: RejectedRecord) -> None:
            raise ZeroDivisionError

    translation = Translation(brokers, Broken(dead_letters()._db))
    brokers.append(AT, b"a", POISON)
    with pytest.raises(ZeroDivisionError):
        translation.session().step(0)
    assert brokers.committed == {}


class _Observer:
    """Follows every change."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def begin(self, batch: ChangeBatch, index: int, change: Change, events: int) -> Headers | None:
        self.told.append(f"{batch.offsets[index]} makes {events}")
        return [("traceparent", b"00")]

    def committed(self) -> None:
        self.told.append("committed")

    def aborted(self) -> None:
        self.told.append("aborted")


def test_an_observer_is_told_of_changes_and_says_what_events_carry(brokers: MemoryBrokers) -> None:
    observer = _Observer()
    session = Translation(brokers, observer=observer).session()
    brokers.append(AT, b"a", b"00000001")
    brokers.fault = "commit"
    with pytest.raises(TransactionAborted):
        session.step(0)
    session.step(0)
    assert observer.told == ["0 makes 1", "aborted", "0 makes 1", "committed"]
    writer: MemoryEventWriter = brokers.writers["1"]
    assert cast(Sequence[Headers], writer.headers)[-1] == [("traceparent", b"00")]


def test_a_session_that_cannot_join_lets_go_of_its_writer(brokers: MemoryBrokers) -> None:
    translation = Translation(brokers)
    context = translation.context()

    def refuse(*_: object) -> None:
        raise Unavailable("no coordinator")

    object.__setattr__(context, "join", refuse)
    with pytest.raises(Unavailable):
        sessions.Session(context)
    assert brokers.writers["1"].is_closed


def test_the_engine_asks_for_contracts_before_it_joins(brokers: MemoryBrokers) -> None:
    class Unregistered(PlainInterpreter):
        def prepare(self) -> None:
            raise Misconfigured("run `catalog schemas register`")

    interpreter: Interpreter = Unregistered()
    with pytest.raises(Misconfigured):
        Translation(brokers, interpreter=interpreter).session()
    assert brokers.members == {}

"""A change topic that was made anew is not read on where the former one was left."""

import pytest

from projections.ports.change_log import Position
from projections.translation import change_topics
from projections.translation.change_topics import AnotherTopic
from projections.translation.partition import note_of_topic
from tests.projections.translation.memory_brokers import MemoryBrokers
from tests.projections.translation.translating import GROUP, TOPIC, Translation

AT = (TOPIC, 0)
HINT = f"catalog topics retranslate {TOPIC}"


@pytest.fixture
def brokers() -> MemoryBrokers:
    """Three changes."""
    brokers = MemoryBrokers({})
    for number in range(3):
        brokers.append(AT, b"k", b"%08d" % number)
    return brokers


def made_anew(brokers: MemoryBrokers) -> None:
    """More records than there were."""
    brokers.made[TOPIC] = 1
    brokers.records[AT] = []
    for number in range(5):
        brokers.append(AT, b"l", b"%08d" % (100 + number))


def test_a_position_of_the_former_topic_is_refused(brokers: MemoryBrokers) -> None:
    translation = Translation(brokers)
    translation.session().step(0)
    assert brokers.committed[GROUP][AT].note.startswith(f"topic={TOPIC}#0 columns=")
    written = translation.written()
    made_anew(brokers)
    with pytest.raises(AnotherTopic, match=HINT):
        translation.session().step(0)
    assert translation.written() == written


def test_a_position_that_went_with_the_topic_is_not_taken_from_former_events(
    brokers: MemoryBrokers,
) -> None:
    translation = Translation(brokers)
    translation.session().step(0)
    brokers.committed.clear()
    made_anew(brokers)
    with pytest.raises(AnotherTopic, match=r"offset 2 .* has the position 00000102"):
        translation.session().step(0)
    brokers.records[AT] = brokers.records[AT][:1]
    with pytest.raises(AnotherTopic, match="that record is not there"):
        translation.session().step(0)


def test_a_session_that_runs_looks_before_it_writes(
    brokers: MemoryBrokers, monkeypatch: pytest.MonkeyPatch
) -> None:
    translation = Translation(brokers)
    session = translation.session()
    session.step(0)
    written = translation.written()
    made_anew(brokers)
    monkeypatch.setattr(change_topics, "LOOK_SECONDS", 0.0)
    with pytest.raises(AnotherTopic, match=HINT):
        session.step(0)
    assert translation.written() == written


def test_an_id_that_no_position_has_is_taken_over_once(brokers: MemoryBrokers) -> None:
    translation = Translation(brokers)
    translation.session().step(0)
    note = brokers.committed[GROUP][AT].note.partition(" ")[2]  # as an older release wrote it
    brokers.committed[GROUP][AT] = Position(3, note)
    brokers.append(AT, b"k", b"%08d" % 3)
    translation.session().step(0)
    assert len(translation.written()) == 4
    assert brokers.committed[GROUP][AT].note.startswith(f"topic={TOPIC}#0 ")


def test_one_that_begins_anew_on_purpose_is_translated_from_its_beginning(
    brokers: MemoryBrokers,
) -> None:
    translation = Translation(brokers)
    translation.session().step(0)
    made_anew(brokers)
    brokers.committed[GROUP][AT] = Position(0, note_of_topic(f"{TOPIC}#1"))
    translation.session().step(0)
    assert [number for _, number in translation.written()[3:]] == [
        b"%08d" % (100 + number) for number in range(5)
    ]

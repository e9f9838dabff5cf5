"""Records of one key, looked for backwards on the real broker."""

import pytest
from confluent_kafka import Producer

from adapters.composition.endpoints import Endpoints
from adapters.event_log.history import History, SearchLimits, look_back
from adapters.event_log.producer import transactional_producer
from adapters.event_log.topics import Topics
from projections.ports.event_log import Bounds

pytestmark = pytest.mark.integration

KEY = b"mine"
MINE = (0, 3, 40, 41, 900, 1499)
COUNT = 1500


@pytest.fixture
def full(engines: Endpoints, topic: str) -> str:
    """A topic with six records of a key among many, the last but one in an aborted transaction."""
    sender: Producer = transactional_producer(engines.kafka, f"history-of-{topic}")
    sender.init_transactions(30)
    sender.begin_transaction()
    for number in range(COUNT):
        key = KEY if number in MINE else b"other"
        sender.produce(topic, str(number).encode(), key, partition=1)
    sender.commit_transaction(30)
    sender.begin_transaction()
    sender.produce(topic, b"aborted", KEY, partition=1)
    sender.flush(30)
    sender.abort_transaction(30)
    return topic


def found(
    engines: Endpoints, topic: str, limits: SearchLimits, bounds: Bounds | None = None
) -> tuple[list[int], History]:
    """Values of what was found, newest first."""
    bounds = bounds or Topics(engines.kafka).bounds([topic])[topic, 1]
    history = look_back(engines.kafka, (topic, 1), KEY, bounds, limits)
    return [int(record.value or b"-1") for record in history.records], history


def test_all_of_a_partition(engines: Endpoints, full: str) -> None:
    values, history = found(engines, full, SearchLimits())
    assert values == sorted(MINE, reverse=True)
    assert history.is_complete
    assert history.scanned.first == 0
    assert [record.offset for record in history.records] == values


def test_no_further_than_it_may(engines: Endpoints, full: str) -> None:
    values, history = found(engines, full, SearchLimits(offsets=700), Bounds(0, COUNT))
    assert values == [1499, 900]
    assert (history.scanned.first, history.is_complete) == (COUNT - 1 - 700, False)
    values, history = found(engines, full, SearchLimits(found=3))
    assert values == [1499, 900, 41]
    assert not history.is_complete


def test_what_wrote_a_row_and_what_was_before(engines: Endpoints, full: str) -> None:
    values, history = found(engines, full, SearchLimits(found=50), Bounds(0, 42))
    assert (values, history.is_complete) == ([41, 40, 3, 0], True)
    values, history = found(engines, full, SearchLimits(offsets=0), Bounds(0, 42))
    assert (values, history.scanned, history.is_complete) == ([41], Bounds(41, 42), False)


def test_without_time_nothing_is_claimed(engines: Endpoints, full: str) -> None:
    values, history = found(engines, full, SearchLimits(seconds=0.0))
    assert (values, history.is_complete) == ([], False)


def test_an_empty_partition_is_known_wholly(engines: Endpoints, full: str) -> None:
    history = look_back(engines.kafka, (full, 0), KEY, Bounds(0, 0), SearchLimits())
    assert (history.records, history.is_complete) == ((), True)

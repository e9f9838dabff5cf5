"""The newest records of a topic: from the end backwards, and how far was searched is said."""

from typing import Any

import pytest
from confluent_kafka import TopicPartition

from adapters.event_log.newest import newest_records
from projections.ports.event_log import Bounds

TOPIC = "t"


class Message:
    """A record, as the client gives it."""

    def __init__(self, partition: int, offset: int) -> None:
        self._at = (partition, offset)

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return self._at[0]

    def offset(self) -> int:
        return self._at[1]

    def key(self) -> bytes:
        return b"rare" if self._at[1] == 3 else b"often"

    def value(self) -> bytes:
        return b"v"

    def timestamp(self) -> tuple[int, int]:
        return (1, 1_000 * self._at[1] + self._at[0])

    def error(self) -> None:
        return None

    def __len__(self) -> int:
        return 1


class Consumer:
    """Reads partitions of so many records."""

    def __init__(self, ends: dict[int, int]) -> None:
        self._ends = ends
        self._at: dict[int, int] = {}

    def assign(self, partitions: list[TopicPartition]) -> None:
        self._at = {p.partition: p.offset for p in partitions}

    def consume(self, most: int, _wait: float) -> list[Any]:
        taken: list[Any] = []
        for partition, at in self._at.items():
            upto = min(self._ends[partition], at + most - len(taken))
            taken += [Message(partition, offset) for offset in range(at, upto)]
            self._at[partition] = upto
        return taken

    def position(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        return [TopicPartition(TOPIC, p.partition, self._at[p.partition]) for p in partitions]


@pytest.fixture(autouse=True)
def _ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own messages can't be made by hand."""
    monkeypatch.setattr("adapters.event_log.reading.Message", Message)


def found(key: bytes | None = None, seconds: float = 60) -> tuple[list[tuple[int, int]], int, int]:
    ends = {0: 9_000, 1: 12_000, 2: 0}
    bounds = {(TOPIC, number): Bounds(0, end) for number, end in ends.items()}
    consumer: Any = Consumer(ends)
    newest = newest_records(consumer, bounds, key=key, limit=4, seconds=seconds)
    at = [(record.partition, record.offset) for record in newest.records]
    return at, newest.searched, newest.total


def test_the_newest_come_first_and_little_is_read_for_them() -> None:
    at, searched, total = found()
    assert at == [(1, 11_999), (1, 11_998), (1, 11_997), (1, 11_996)]
    assert (searched, total) == (40, 21_000)


def test_a_key_is_searched_for_back_to_the_beginning() -> None:
    at, searched, total = found(b"rare")
    assert at == [(1, 3), (0, 3)]
    assert searched == total


def test_what_was_not_searched_for_want_of_time_is_said() -> None:
    assert found(b"rare", seconds=0) == ([], 0, 21_000)

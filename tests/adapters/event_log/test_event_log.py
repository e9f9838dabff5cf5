"""The event log over the real broker: ends, transactions, positions, membership."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from adapters.composition.endpoints import Endpoints
from adapters.composition.engines import running_engines
from adapters.composition.settings import load_settings
from adapters.embedded import kafka as embedded_kafka
from adapters.event_log.connection import KafkaFailed
from adapters.event_log.event_log import KafkaEventLog
from adapters.event_log.reading import BatchLimits
from adapters.event_log.topic_plans import TopicPlan
from adapters.event_log.topics import Topics
from projections.ports.event_log import RecordBatch, Subscription
from projections.ports.event_log import TopicPartition as Partition
from tests.adapters.event_log.conftest import Write
from tests.waiting import until

pytestmark = pytest.mark.integration


def texts(batches: Sequence[RecordBatch], partition: int = 0) -> list[str]:
    return [
        value.decode()
        for batch in batches
        if batch.partition == partition
        for value in batch.values
        if value is not None
    ]


def test_replay_ends_behind_markers_and_aborted_records(
    engines: Endpoints, topic: str, write: Write
) -> None:
    write(["a", "b"])
    write(["never", "seen"], commit=False)
    write(["c"])
    write(["nor", "this"], commit=False)
    log = KafkaEventLog(engines.kafka)
    until(lambda: log.bounds([topic])[topic, 0].end == 11)
    ends = {(topic, 0): 11, (topic, 1): 0}
    batches = [batch for some in log.replay({}, ends) for batch in some]
    assert texts(batches) == ["a", "b", "c"]
    assert [offset for batch in batches for offset in batch.offsets] == [0, 1, 6]
    assert max(batch.next_offset for batch in batches) <= 11
    assert {batch.keys[0] for batch in batches} == {b"k"}


def test_replay_starts_where_it_is_told_and_keeps_to_its_limits(
    engines: Endpoints, topic: str, write: Write
) -> None:
    write([str(number) for number in range(3000)], 0)
    write([str(number) for number in range(100)], 1)
    log = KafkaEventLog(engines.kafka, limits=BatchLimits(records=700))
    until(lambda: {end.end for end in log.bounds([topic]).values()} == {3001, 101})
    ends = {(topic, 0): 3000, (topic, 1): 100}
    polls = list(log.replay({(topic, 0): 1000, (topic, 1): 100}, ends))
    assert max(sum(map(len, batches)) for batches in polls) < 700 + 500
    flat = [batch for batches in polls for batch in batches]
    assert texts(flat) == [str(number) for number in range(1000, 3000)]
    assert texts(flat, 1) == []
    assert list(log.replay(ends, ends)) == []


def test_replays_one_after_another_are_each_whole(
    engines: Endpoints, topic: str, write: Write
) -> None:
    write([str(number) for number in range(1500)], 0)
    write([str(number) for number in range(20)], 1)
    first, second = {(topic, 0): 1501}, {(topic, 1): 21}  # with the transactions' markers
    log = KafkaEventLog(engines.kafka, limits=BatchLimits(records=400))
    for ends in (first, second, first | second, first):
        flat = [batch for batches in log.replay({(topic, 0): 10}, ends) for batch in batches]
        for partition in ends:
            expected = range(10, 1500) if partition[1] == 0 else range(20)
            assert texts(flat, partition[1]) == [str(number) for number in expected]


def test_position_that_the_log_does_not_hold_is_an_error(
    engines: Endpoints, topic: str, write: Write
) -> None:
    write(["a"])
    log = KafkaEventLog(engines.kafka)
    with pytest.raises(KafkaFailed, match=r"/0: .*[Oo]ffset out of range"):
        list(log.replay({(topic, 0): 500}, {(topic, 0): 600}))


def test_violations_are_reported(engines: Endpoints, topic: str) -> None:
    log = KafkaEventLog(engines.kafka)
    assert log.violations([topic]) == []
    assert log.violations([topic, "nowhere"]) == ["nowhere doesn't exist"]


class Member:
    """A group member that keeps its positions in a dictionary shared with the others."""

    def __init__(self, log: KafkaEventLog, topic: str, positions: dict[Partition, int]) -> None:
        self.positions = positions
        self.held: set[Partition] = set()
        self.lost: list[Partition] = []
        self.seen: Counter[tuple[Partition, int]] = Counter()
        self.subscription: Subscription = log.subscribe(
            f"group-of-{topic}", [topic], self._assigned, self._lost
        )

    def _assigned(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        self.held |= set(partitions)
        return {partition: self.positions.get(partition, 0) for partition in partitions}

    def _lost(self, partitions: Sequence[Partition]) -> None:
        self.held -= set(partitions)
        self.lost += partitions

    def poll(self, timeout: float = 0.1) -> list[RecordBatch]:
        batches = self.subscription.poll(timeout)
        for batch in batches:
            at = (batch.topic, batch.partition)
            assert at in self.held
            assert batch.next_offset >= self.positions.get(at, 0)
            self.seen.update((at, offset) for offset in batch.offsets)
            self.positions[at] = batch.next_offset
        return batches


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_members_share_partitions_and_start_from_the_callers_positions(
    engines: Endpoints, topic: str, write: Write, protocol: str
) -> None:
    log = KafkaEventLog(engines.kafka, group_protocol=protocol)
    positions: dict[Partition, int] = {(topic, 1): 1}
    write(["a", "b"], 0)
    write(["skipped", "c"], 1)
    one = Member(log, topic, positions)
    until(lambda: bool(one.poll() or True) and len(one.seen) == 3)
    until(lambda: bool(one.poll() or True) and positions == {(topic, 0): 3, (topic, 1): 3})
    two = Member(log, topic, positions)

    def both() -> bool:
        one.poll(0.05)
        two.poll(0.05)
        return len(one.held) == len(two.held) == 1

    until(both)
    assert one.lost
    write(["d"], 0)
    write(["e"], 1)
    until(lambda: both() and len(one.seen) + len(two.seen) == 5)
    assert (one.seen + two.seen).most_common(1)[0][1] == 1, "nothing twice"
    two.subscription.close()
    assert not two.held
    until(lambda: bool(one.poll() or True) and len(one.held) == 2)
    write(["f"], 0)
    write(["g"], 1)
    until(lambda: bool(one.poll() or True) and len(one.seen) + len(two.seen) == 7)
    one.subscription.close()


def test_brokers_without_the_new_group_protocol_are_met_with_the_classic_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    properties = embedded_kafka._broker_properties
    monkeypatch.setattr(
        embedded_kafka,
        "_broker_properties",
        lambda *given: properties(*given) | {"group.coordinator.rebalance.protocols": "classic"},
    )
    with running_engines(load_settings(data=tmp_path / "data"), only=["kafka"]) as older:
        Topics(older.kafka).apply([TopicPlan("t", 2)])
        member = Member(KafkaEventLog(older.kafka), "t", {})
        until(lambda: bool(member.poll() or True) and len(member.held) == 2)
        member.subscription.close()


def test_seek_goes_back_and_progress_is_noted(engines: Endpoints, topic: str, write: Write) -> None:
    log = KafkaEventLog(engines.kafka)
    write(["a", "b", "c"])
    member = Member(log, topic, {})
    until(lambda: bool(member.poll() or True) and len(member.seen) == 3)
    member.positions.clear()
    member.subscription.seek({(topic, 0): 1, ("nowhere", 0): 5})
    again: list[str] = []

    def both_again() -> bool:
        again.extend(texts(member.poll()))
        return len(again) == 2

    until(both_again)
    assert again == ["b", "c"]
    member.subscription.note_progress({(topic, 0): 3, ("nowhere", 0): 5})
    admin = AdminClient(dict(engines.kafka))
    group = f"group-of-{topic}"

    def committed() -> bool:
        member.poll(0.01)
        answer = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
        return [tp.offset for tp in answer[group].result().topic_partitions] == [3]

    until(committed)
    member.subscription.close()


def test_first_record_comes_at_once(engines: Endpoints, topic: str, write: Write) -> None:
    log = KafkaEventLog(engines.kafka)
    member = Member(log, topic, {})
    until(lambda: bool(member.poll() or True) and len(member.held) == 2)
    write(["a"])
    started = time.monotonic()
    batches = member.poll(30)
    assert texts(batches) == ["a"]
    assert time.monotonic() - started < 5
    member.subscription.close()

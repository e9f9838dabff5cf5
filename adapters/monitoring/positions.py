"""How far each stage is in each topic, as the brokers tell it."""

import math
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from time import monotonic, sleep
from typing import TypeVar

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from adapters.event_log.connection import REQUEST_SECONDS, failed
from adapters.event_log.topic_plans import TopicState
from adapters.monitoring.health import GroupStatus, TopicStatus

RATE_SECONDS = 60
_WAIT = 5.0
_MOVING = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}
"""A group whose coordinator went away or hung gets another one, which reads up on it first."""

Answer = TypeVar("Answer")

Partition = tuple[str, int]


class Positions:
    """Asks the brokers; close it afterwards. Raises KafkaFailed."""

    def __init__(self, admin: AdminClient, consumer: Consumer) -> None:
        """`consumer` is in no group and commits nothing; it is closed with this."""
        self._admin = admin
        self._consumer = consumer

    def close(self) -> None:
        """Leave the brokers."""
        self._consumer.close()

    def committed(self, group: str, states: Mapping[str, TopicState]) -> dict[Partition, int]:
        """Offsets that a group has committed; partitions without one are left out."""
        request = ConsumerGroupTopicPartitions(group, _partitions(states))
        ask = partial(
            self._admin.list_consumer_group_offsets, [request], request_timeout=REQUEST_SECONDS
        )
        try:
            found = _of_coordinator(ask, group).topic_partitions
        except KafkaException as error:
            raise failed(f"offsets of group {group}", error) from error
        return {(p.topic, p.partition): p.offset for p in found or [] if p.offset >= 0}

    def group(self, stage: str, group: str, read_model: str = "") -> GroupStatus:
        """How many members a group has."""
        ask = partial(
            self._admin.describe_consumer_groups, [group], request_timeout=REQUEST_SECONDS
        )
        try:
            members = len(_of_coordinator(ask, group).members)
        except KafkaException as error:
            if error.args[0].name() != "GROUP_ID_NOT_FOUND":
                raise failed(f"members of group {group}", error) from error
            members = 0
        return GroupStatus(stage=stage, group=group, members=members, read_model=read_model)

    def of_stage(
        self,
        stage: str,
        states: Mapping[str, TopicState],
        positions: Mapping[Partition, int],
        read_model: str = "",
    ) -> list[TopicStatus]:
        """One line per topic; a partition without a position counts from its beginning."""
        oldest = self._oldest_to_go(states, positions)
        recent = self._ends_before(states, RATE_SECONDS)
        now = datetime.now(UTC).timestamp()
        found = []
        for name, state in states.items():
            at = {
                number: min(max(positions.get((name, number), 0), bounds.first), bounds.end)
                for number, bounds in state.partitions.items()
            }
            end = sum(bounds.end for bounds in state.partitions.values())
            ages = [now - oldest[name, number] for number in at if (name, number) in oldest]
            arrived = sum(
                bounds.end - recent.get((name, number), bounds.end)
                for number, bounds in state.partitions.items()
            )
            found.append(
                TopicStatus(
                    stage=stage,
                    topic=name,
                    partitions=len(state.partitions),
                    first=sum(bounds.first for bounds in state.partitions.values()),
                    end=end,
                    position=sum(at.values()),
                    lag=end - sum(at.values()),
                    lag_seconds=max(ages, default=0.0),
                    rate=arrived / RATE_SECONDS,
                    read_model=read_model,
                )
            )
        return found

    def _oldest_to_go(
        self, states: Mapping[str, TopicState], positions: Mapping[Partition, int]
    ) -> dict[Partition, float]:
        """Time (seconds since 1970) of the record at each position that is not at the end."""
        waiting = {
            (name, number): max(positions.get((name, number), 0), bounds.first)
            for name, state in states.items()
            for number, bounds in state.partitions.items()
            if positions.get((name, number), 0) < bounds.end
        }
        found: dict[Partition, float] = {}
        for at, offset in waiting.items():
            self._consumer.assign([TopicPartition(*at, offset)])
            message = self._consumer.poll(_WAIT)
            if message is not None and message.error() is None:
                found[at] = message.timestamp()[1] / 1000
        self._consumer.unassign()
        return found

    def _ends_before(self, states: Mapping[str, TopicState], seconds: int) -> dict[Partition, int]:
        """The first offset that is younger than `seconds`, where there is one."""
        since = math.floor((datetime.now(UTC).timestamp() - seconds) * 1000)
        asked = [TopicPartition(p.topic, p.partition, since) for p in _partitions(states)]
        if not asked:
            return {}
        try:
            answers = self._consumer.offsets_for_times(asked, timeout=REQUEST_SECONDS)
        except KafkaException as error:
            raise failed("offsets by time", error) from error
        return {(p.topic, p.partition): p.offset for p in answers if p.offset >= 0}


def _of_coordinator(ask: Callable[[], Mapping[str, "Future[Answer]"]], group: str) -> Answer:
    """What a group's coordinator says, once there is one. Raises KafkaException."""
    deadline = monotonic() + REQUEST_SECONDS
    while True:
        try:
            return ask()[group].result()
        except KafkaException as error:
            if error.args[0].code() not in _MOVING or monotonic() > deadline:
                raise
        sleep(0.1)


def _partitions(states: Mapping[str, TopicState]) -> list[TopicPartition]:
    return [
        TopicPartition(name, number)
        for name, state in states.items()
        for number in state.partitions
    ]

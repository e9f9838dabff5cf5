"""Positions are asked for again while a group's coordinator moves; other errors are told."""

from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition

from adapters.event_log.connection import KafkaFailed
from adapters.monitoring.positions import Positions

NOBODY = {"bootstrap.servers": "127.0.0.1:1"}


class Coordinator:
    """A group's coordinator that fails with these codes, one after another, before it answers."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)

    def list_consumer_group_offsets(
        self, asked: list[ConsumerGroupTopicPartitions], **_: Any
    ) -> dict[str, "Future[ConsumerGroupTopicPartitions]"]:
        (request,) = asked
        answer: Future[ConsumerGroupTopicPartitions] = Future()
        if self.codes:
            answer.set_exception(KafkaException(KafkaError(self.codes.pop(0))))
        else:
            at = [TopicPartition("t", 0, 7), TopicPartition("t", 1, -1001)]
            answer.set_result(ConsumerGroupTopicPartitions(request.group_id, at))
        return {request.group_id: answer}


def committed(coordinator: Coordinator) -> dict[Any, int]:
    nobody: Any = None
    asked: Any = coordinator
    return Positions(asked, nobody).committed("group", {})


def test_a_coordinator_that_moves_is_asked_again() -> None:
    moving = [KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.NOT_COORDINATOR]
    assert committed(Coordinator(*moving)) == {("t", 0): 7}


def test_another_error_is_told_at_once() -> None:
    coordinator = Coordinator(KafkaError.GROUP_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaFailed, match="offsets of group group"):
        committed(coordinator)

"""Waits until the chain has passed a marker: all that was committed before is in the event topics.

A marker is a logical message (`pg_logical_emit_message`), which goes through the master's log like
a commit but needs no table and no right to write. Debezium puts it on `<prefix>.message` behind
the changes of every earlier commit (Debezium, PostgreSQL connector, "Message events"). Translation
has passed it when it has committed the ends that the change topics had then.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import psycopg
from confluent_kafka import Consumer, TopicPartition

from adapters.event_log.connection import REQUEST_SECONDS
from adapters.event_log.topic_plans import TopicState
from adapters.event_log.topics import Topics
from adapters.monitoring.positions import Positions
from domain.failures import Unavailable

PREFIX = "catalog_audit"
"""Of our logical messages, so that nobody else's is taken for one."""
_PAUSE = 0.1
_CLOCKS_DIFFER = timedelta(minutes=5)


def message_topic(prefix: str) -> str:
    """Where Debezium puts logical messages of a connector with this topic prefix."""
    return f"{prefix}.message"


@dataclass(frozen=True)
class Passage:
    """What is asked while a marker is on its way."""

    connect: Callable[[], AbstractContextManager[psycopg.Connection[tuple[Any, ...]]]]
    """To the master."""
    consumer: Callable[[], Consumer]
    positions: Callable[[], Positions]
    topics: Topics
    prefix: str
    """Topic prefix of the connector."""
    change_topics: Sequence[str]
    """Those that translation reads; one that doesn't exist has no change yet."""
    group: str
    """Translation's."""
    seconds: float = 120.0

    def await_all(self) -> None:
        """Put a marker into the master's log and wait until translation has passed it.

        Raises Unavailable, saying what is behind, where it takes longer than `seconds`.
        """
        deadline = monotonic() + self.seconds
        self._await_capture(deadline)
        self._await_translation(deadline)

    def _await_capture(self, deadline: float) -> None:
        content = f"{PREFIX} {uuid4()}"
        with self.connect() as connection:
            connection.execute("SELECT pg_logical_emit_message(true, %s, %s)", (PREFIX, content))
        mark = b64encode(content.encode())
        topic = message_topic(self.prefix)
        with closing(self.consumer()) as consumer:
            while not (states := self.topics.states([topic])):
                self._pause(deadline, "capture has written no message yet: does its connector run?")
            consumer.assign(_since(consumer, states[topic], datetime.now(UTC) - _CLOCKS_DIFFER))
            while True:
                message = consumer.poll(_PAUSE)
                if message is not None and message.error() is None:
                    if mark in (message.value() or b""):
                        return
                elif monotonic() > deadline:
                    self._pause(deadline, "capture is behind: `catalog status` says how far")

    def _await_translation(self, deadline: float) -> None:
        states = self.topics.states(self.change_topics)
        ends = {
            (name, number): bounds.end
            for name, state in states.items()
            for number, bounds in state.partitions.items()
        }
        with closing(self.positions()) as positions:
            while behind := _behind(ends, positions.committed(self.group, states)):
                self._pause(deadline, f"translation is behind in {', '.join(behind)}")

    def _pause(self, deadline: float, why: str) -> None:
        if monotonic() > deadline:
            raise Unavailable(f"the log has not reached the master in {self.seconds:.0f} s: {why}")
        sleep(_PAUSE)


def _since(consumer: Consumer, state: TopicState, instant: datetime) -> list[TopicPartition]:
    """Where to read from to meet all that was written since, up to now and later."""
    asked = [
        TopicPartition(state.name, number, round(instant.timestamp() * 1000))
        for number in state.partitions
    ]
    found = consumer.offsets_for_times(asked, timeout=REQUEST_SECONDS)
    for one in found:
        if one.offset < 0:  # nothing so young yet: "the end" would be that of a later instant
            one.offset = state.partitions[one.partition].end
    return found


def _behind(
    ends: Mapping[tuple[str, int], int], committed: Mapping[tuple[str, int], int]
) -> list[str]:
    """Topics of which some partition isn't translated up to its end."""
    return sorted({at[0] for at, end in ends.items() if committed.get(at, 0) < end})

"""Traces from a master's commit to the read row, carried in Kafka headers; off by default.

What is off costs nothing: workers get None in the place of a tracer, read no header and make no
object, and OpenTelemetry isn't even imported. The engine knows nothing of it: it is watched from
its ports (see `observed`).
"""

from collections.abc import Sequence
from typing import Protocol

from confluent_kafka import Message

from projections.ports.event_decoder import Decoded
from projections.ports.event_log import RecordBatch
from projections.ports.generations import Generation
from projections.ports.read_store import Write


class EventTraces(Protocol):
    """Follows events through projection. Used from one thread."""

    def arrived(self, messages: Sequence[Message]) -> None:
        """These records were read; what came before and isn't stored will be read again."""
        ...

    def decoded(self, batches: Sequence[RecordBatch], decoded: Decoded) -> None:
        """Batches of one topic, and their events."""
        ...

    def committed(self, generation: Generation, write: Write) -> None:
        """The transaction with this write is committed."""
        ...

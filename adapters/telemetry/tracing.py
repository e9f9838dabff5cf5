"""Traces from a master's commit to the read row, carried in Kafka headers; off by default.

What is off costs nothing: workers get None in the place of a tracer, read no header and make no
object, and OpenTelemetry isn't even imported. The engine knows nothing of it: it is watched from
its ports (see `observed`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from confluent_kafka import Message

from adapters.composition.settings import TracingSettings
from domain.changes import Change
from domain.failures import Misconfigured
from projections.ports.event_decoder import Decoded
from projections.ports.event_log import RecordBatch
from projections.ports.generations import Generation
from projections.ports.read_store import Write

RecordHeaders = list[tuple[str, str | bytes | None]]
"""Headers as they are produced."""


class ChangeTraces(Protocol):
    """Follows changes through translation. Used from one thread."""

    def begin(self, message: Message, change: Change, events: int) -> RecordHeaders | None:
        """A change became events: the headers that they carry on, None where it isn't traced."""
        ...

    def committed(self) -> None:
        """The transaction of all changes begun is committed."""
        ...

    def aborted(self) -> None:
        """The transaction is aborted: its changes will be read again."""
        ...


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


@contextmanager
def traced_changes(settings: TracingSettings, instance: str) -> Iterator[ChangeTraces | None]:
    """What a translator tells of its changes; None while tracing is off.

    Raises Misconfigured where the packages aren't installed.
    """
    if settings.endpoint is None:
        yield None
        return
    with _told_if_absent():
        from adapters.telemetry import otlp, spans  # noqa: PLC0415 - not even imported while off
    with otlp.tracing_to(settings.endpoint, "catalog-translate", instance) as tracer:
        yield spans.ChangeSpans(tracer, settings.ratio)


@contextmanager
def traced_events(settings: TracingSettings, instance: str) -> Iterator[EventTraces | None]:
    """What a projecting worker tells of its events; None while tracing is off.

    Raises Misconfigured where the packages aren't installed.
    """
    if settings.endpoint is None:
        yield None
        return
    with _told_if_absent():
        from adapters.telemetry import otlp, spans  # noqa: PLC0415 - not even imported while off
    with otlp.tracing_to(settings.endpoint, "catalog-project", instance) as tracer:
        yield spans.EventSpans(tracer)


@contextmanager
def _told_if_absent() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise Misconfigured(
            f"tracing.endpoint is set, but {error.name} isn't installed: install the dependency"
            " group otel (pip install --group otel), or leave the setting out"
        ) from None

"""What tests of tracing share: spans kept in memory."""

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

Headers = list[tuple[str, str | bytes | None]]


class Memory:
    """A tracer, and the spans that have ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer: Tracer = provider.get_tracer("test")

    def spans(self) -> list[ReadableSpan]:
        """In the order in which they ended."""
        return list(self._exporter.get_finished_spans())

    def names(self) -> list[str]:
        """Of the spans that have ended."""
        return [span.name for span in self.spans()]

    def named(self, name: str) -> ReadableSpan:
        """The only span of this name."""
        (found,) = [span for span in self.spans() if span.name == name]
        return found

"""Sends spans to a collector by OTLP over HTTP, beside the work and never in its way.

What the collector does not take in time is dropped. Headers, certificates, compression, the size
of the queue and further attributes are the SDK's own to read, from its `OTEL_…` variables.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import Tracer

log = structlog.get_logger("tracing")

_SEND_SECONDS = 3
"""How long a request may take, and the last ones at the end: who is told to stop must stop."""


@contextmanager
def tracing_to(endpoint: str, service: str, instance: str) -> Iterator[Tracer]:
    """A tracer whose spans go to `endpoint` (without `/v1/traces`) until the context is left."""
    provider = TracerProvider(
        # Which changes are traced is decided before a span is made; what follows them, follows.
        sampler=ParentBased(ALWAYS_ON),
        resource=Resource.create({"service.name": service, "service.instance.id": instance}),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=_SEND_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    log.info("tracing", endpoint=endpoint)
    try:
        yield provider.get_tracer("catalog")
    finally:
        # It waits for the collector, which may be away; a thread that is left ends with us.
        closing = Thread(target=provider.shutdown, name="tracing", daemon=True)
        closing.start()
        closing.join(_SEND_SECONDS)

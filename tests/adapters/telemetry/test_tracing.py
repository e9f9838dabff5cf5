"""The switch: off costs nothing, on sends spans, and what is missing is named."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import adapters.telemetry
from adapters.composition.setting_groups import TracingSettings
from adapters.composition.tracing import traced_changes, traced_events
from domain.failures import Misconfigured
from tests.adapters.telemetry.test_spans import COMMITTED, captured, change
from tests.beside import beside, join


@contextmanager
def _collector() -> Iterator[tuple[str, list[tuple[str, ExportTraceServiceRequest]]]]:
    """A collector's address, and what it was sent: paths and requests."""
    sent: list[tuple[str, ExportTraceServiceRequest]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = beside(server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", sent
    finally:
        server.shutdown()
        server.server_close()
        join(thread)


def test_off_there_is_no_tracer() -> None:
    with (
        traced_changes(TracingSettings(), "1") as changes,
        traced_events(TracingSettings(), "1") as events,
    ):
        assert (changes, events) == (None, None)


def test_off_opentelemetry_is_not_even_imported() -> None:
    asked = """
import sys
from adapters.composition import wiring, workers
from adapters.cli.main import application
from adapters.composition.settings import TracingSettings
from adapters.composition.tracing import traced_changes, traced_events
from tests.beside import beside, join
application()
with traced_changes(TracingSettings(), "1"), traced_events(TracingSettings(), "1"):
    print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    done = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_on_spans_reach_the_collector_at_the_end_at_the_latest() -> None:
    with _collector() as (address, sent):
        settings = TracingSettings(endpoint=address, ratio=1.0)
        with traced_changes(settings, "one") as traces:
            assert traces is not None
            assert traces.begin(*captured(), change(COMMITTED), 1) is not None
            traces.committed()
    ((path, request),) = sent
    assert path == "/v1/traces"
    (resource,) = request.resource_spans
    told = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert (told["service.name"], told["service.instance.id"]) == ("catalog-translate", "one")
    (scope,) = resource.scope_spans
    assert {span.name for span in scope.spans} == {"capture", "translate"}


def test_a_collector_that_is_away_stops_nobody() -> None:
    with _collector() as (address, _):
        pass
    with traced_events(TracingSettings(endpoint=address), "1") as traces:
        assert traces is not None


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(adapters.telemetry, "otlp", raising=False)
    monkeypatch.delitem(sys.modules, "adapters.telemetry.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with (
        pytest.raises(Misconfigured, match=r"opentelemetry\.sdk\.trace isn't installed.*otel"),
        traced_changes(TracingSettings(endpoint="http://127.0.0.1:1"), "1"),
    ):
        pass

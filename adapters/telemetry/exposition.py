"""A worker's metrics and health over HTTP: /metrics, /health/live, /health/ready.

A worker serves nothing else, so the standard library's server does. It answers from a thread of
its own: a worker that hangs still says so.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from time import monotonic

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from adapters.composition.settings import MetricsSettings
from domain.failures import Failure

HUNG_SECONDS = 120.0
"""A worker that does not ask so long whether to stop hangs; a batch takes seconds at most."""


class Pulse(Event):
    """The signal to stop, which notes when the worker asks for it: before every round of work."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._beat: float | None = None

    def is_set(self) -> bool:
        """Whether to stop."""
        self._beat = self._clock()
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the signal."""
        self._beat = self._clock()
        return super().wait(timeout)

    @property
    def is_ready(self) -> bool:
        """It works, and is not about to stop."""
        return self._beat is not None and self.is_alive and not super().is_set()

    @property
    def is_alive(self) -> bool:
        """It asked lately, or hasn't begun."""
        return self._beat is None or self._clock() - self._beat < HUNG_SECONDS


@contextmanager
def exposed(
    settings: MetricsSettings, registry: CollectorRegistry, pulse: Pulse
) -> Iterator[int | None]:
    """Serve until the context is left; yields the port, None where none is set.

    Raises Failure where the port is taken.
    """
    if settings.port is None:
        yield None
        return
    try:
        server = ThreadingHTTPServer((settings.host, settings.port), _handler(registry, pulse))
    except OSError as error:
        raise Failure(
            f"metrics can't be served on {settings.host}:{settings.port}: {error.strerror}; set"
            " CATALOG_METRICS__PORT to a free port (each worker of a host needs its own)"
        ) from None
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.2,), name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(registry: CollectorRegistry, pulse: Pulse) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                encode, kind = choose_encoder(self.headers.get("Accept", ""))
                self._answer(200, kind, encode(registry))
            elif path == "/health/live":
                self._health(pulse.is_alive, "alive", "hangs")
            elif path == "/health/ready":
                self._health(pulse.is_ready, "ready", "not ready")
            else:
                self._answer(404, "text/plain", b"/metrics /health/live /health/ready\n")

        def _health(self, good: bool, yes: str, no: str) -> None:
            self._answer(200 if good else 503, "text/plain", f"{yes if good else no}\n".encode())

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: a scraper asks every few seconds."""

    return Handler

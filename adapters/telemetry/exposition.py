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

from domain.failures import Failure

HUNG_SECONDS = 120.0
"""A worker that does not ask so long whether to stop hangs; a batch takes seconds at most."""


class StopSignal(Event):
    """The signal to stop, which notes when the worker asks for it: before every round of work."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._asked_at: float | None = None

    def is_set(self) -> bool:
        """Whether to stop."""
        self._asked_at = self._clock()
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the signal."""
        self._asked_at = self._clock()
        return super().wait(timeout)

    @property
    def is_ready(self) -> bool:
        """It works, and is not about to stop."""
        return self._asked_at is not None and self.is_alive and not super().is_set()

    @property
    def is_alive(self) -> bool:
        """It asked lately, or hasn't begun."""
        return self._asked_at is None or self._clock() - self._asked_at < HUNG_SECONDS


@contextmanager
def exposed(
    host: str, port: int | None, registry: CollectorRegistry, stop: StopSignal
) -> Iterator[int | None]:
    """Serve until the context is left; yields the port (0: any free one), None without one.

    Raises Failure where the port is taken.
    """
    if port is None:
        yield None
        return
    try:
        server = ThreadingHTTPServer((host, port), _handler(registry, stop))
    except OSError as error:
        raise Failure(
            f"metrics can't be served on {host}:{port}: {error.strerror}; set"
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


def _handler(registry: CollectorRegistry, stop: StopSignal) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                encode, kind = choose_encoder(self.headers.get("Accept", ""))
                self._answer(200, kind, encode(registry))
            elif path == "/health/live":
                self._health(stop.is_alive, "alive", "hangs")
            elif path == "/health/ready":
                self._health(stop.is_ready, "ready", "not ready")
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

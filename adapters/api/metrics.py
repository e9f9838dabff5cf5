"""What the API counts and times, and its exposition at /metrics.

Several processes behind one port would each tell of themselves, and a scraper would meet one or
another: they keep their figures in files of a folder, and whichever is asked adds them up.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""By this the client library knows, when it is imported, that it is to keep figures in files."""
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

OTHER = "other"
"""Stands for paths that are no operation's: they must not become names of series."""


class ApiMetrics:
    """The figures of one process. `told` holds what /metrics shows; others may add to it."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._requests = Counter(
            "catalog_api_requests", "Requests answered.", ["path", "status"], registry=registry
        )
        self._seconds = Histogram(
            "catalog_api_seconds",
            "From a request to its answer.",
            ["path"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._notes: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        """Series found once: to look them up costs twice what it costs to add to them."""
        self.told = registry
        if folder := os.environ.get(_FOLDER):
            self.told = CollectorRegistry()
            MultiProcessCollector(self.told, folder)  # type: ignore[no-untyped-call]
        else:
            ProcessCollector(registry=registry)

    def note(self, path: str, status: int, seconds: float) -> None:
        """A request was answered. `path` is its operation's template, or OTHER."""
        found = self._notes.get((path, status))
        if found is None:
            found = self._requests.labels(path, str(status)), self._seconds.labels(path)
            self._notes[path, status] = found
        requests, time = found
        requests.inc()
        time.observe(seconds)


def exposition(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """All that a registry tells, and the media type, as the scraper likes it."""
    encode, kind = choose_encoder(accept)
    return encode(registry), kind


@contextmanager
def shared_figures() -> Iterator[None]:
    """Processes started within keep their figures where each of them finds those of all."""
    with TemporaryDirectory(prefix="catalog-metrics-") as folder:
        os.environ[_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[_FOLDER]

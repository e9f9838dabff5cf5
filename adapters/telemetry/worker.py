"""What every worker process has around its work: its log, its metrics, its health."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from adapters.composition.settings import Settings
from adapters.telemetry.exposition import Pulse, exposed
from adapters.telemetry.logs import configure_logs, secrets_of
from adapters.telemetry.metrics import Metrics

log = structlog.get_logger("worker")


@contextmanager
def watched(settings: Settings, pulse: Pulse, name: str) -> Iterator[Metrics]:
    """Log as a service does, and serve the metrics if a port is set, while `pulse` is awaited."""
    configure_logs(level=logging.INFO, secrets=secrets_of(settings))
    structlog.contextvars.bind_contextvars(worker=name)
    metrics = Metrics()
    with exposed(settings.metrics, metrics.registry, pulse) as port:
        log.info("started", metrics_port=port)
        yield metrics
        log.info("stopping")

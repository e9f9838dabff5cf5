"""Runs the API: uvicorn on uvloop, one process or several that share nothing but the port."""

import logging
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

import uvicorn

from adapters.api.admission import Admission
from adapters.api.application import Api, AsgiApp
from adapters.api.gathering import GatheredLookups
from adapters.api.metrics import ApiMetrics, shared_figures
from adapters.api.processes import run_processes
from adapters.api.request import ApiContext
from adapters.composition.databases import query_pool
from adapters.explanation.history import History
from adapters.read_database.querying import ReadAccess

STOP_SECONDS = 8
"""What was begun is answered within this time of SIGTERM."""
_BACKLOG = 2048
"""Connections that wait to be accepted, at most."""
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, repr=False)
class Serving:
    """What the API is over, and for whom."""

    read_dsn: str
    is_open: bool
    """Whether who brings no key may read."""
    hosts: frozenset[str] | None = None
    """See `Api`."""
    is_metrics_open: bool = False
    """Whether /metrics needs no key though reading does."""
    is_pooled: bool = False
    """Whether `read_dsn` leads to a pooler in transaction mode."""
    connections: int = 8
    """To the read database, per process."""
    zones: Mapping[str, str] = field(default_factory=dict)
    """Territory → IANA zone, where it isn't the capital's."""


def application(
    serving: Serving,
    history: History | None = None,
    fallback: AsgiApp | None = None,
    metrics: ApiMetrics | None = None,
) -> Api:
    """The API; nothing is opened before the first request."""
    database = query_pool(ReadAccess(serving.read_dsn, serving.is_pooled), serving.connections)
    admission = Admission(database, is_open=serving.is_open)
    context = ApiContext(database, GatheredLookups(database), admission, history, serving.zones)
    return Api(context, fallback, serving.hosts, metrics, is_metrics_open=serving.is_metrics_open)


def serve(make: Callable[[], AsgiApp], listening: socket.socket, workers: int = 1) -> None:
    """Serve until SIGTERM or SIGINT. `make` is called in each process (and must pickle)."""
    config = uvicorn.Config(
        make,
        factory=True,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        limit_concurrency=2000,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    if workers > 1:
        with shared_figures():
            run_processes(config, listening, workers, STOP_SECONDS + 1)
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn stops at them, and raises them again when it has: that is no failure
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket that all our processes accept from. Raises OSError.

    Who connects before they are ready waits instead of being refused: what says its address can be
    reached there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

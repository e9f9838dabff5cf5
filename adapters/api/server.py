"""Runs the API: uvicorn on uvloop, one process or several that share nothing but the port."""

import os
import socket
from dataclasses import dataclass

import uvicorn

from adapters.api.application import Api, AsgiApp
from adapters.api.database import ReadDatabase
from adapters.api.endpoints import Service
from adapters.api.explain import Historian
from adapters.api.keys import Gate
from adapters.api.lookups import Lookups

STOP_SECONDS = 8


@dataclass(frozen=True)
class Serving:
    """How the API is served."""

    host: str = "127.0.0.1"
    port: int = 8000
    is_open: bool = True
    """Whether who brings no key may read."""
    connections: int = 8
    """To the read database, a process."""


def application(
    read_dsn: str,
    *,
    is_open: bool,
    connections: int = 8,
    historian: Historian | None = None,
    fallback: AsgiApp | None = None,
) -> Api:
    """The API over a read database; nothing is opened before the first request."""
    database = ReadDatabase(read_dsn, connections)
    gate = Gate(database, is_open=is_open)
    return Api(Service(database, Lookups(database), gate, historian), fallback)


def serve(app: AsgiApp, listening: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT: then answer what was begun, within STOP_SECONDS."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        backlog=2048,
        limit_concurrency=2000,
        timeout_graceful_shutdown=STOP_SECONDS,
        h11_max_incomplete_event_size=16 * 1024,
    )
    uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket that several processes of ours may share. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    listening.listen(2048)
    os.set_inheritable(listening.fileno(), True)
    return listening

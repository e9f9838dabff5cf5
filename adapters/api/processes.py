"""Several serving processes behind one port: kept running, and stopped together.

uvicorn's own supervisor takes a process that needs five seconds to start for hung: on a busy
machine it kills it again and again, and hears no signal meanwhile.
"""

import logging
import os
import signal
import socket
from multiprocessing import connection, get_context
from multiprocessing.context import SpawnProcess
from threading import Thread
from time import monotonic

import structlog
import uvicorn
from uvicorn.config import STARTUP_FAILURE

from domain.failures import Failure

log = structlog.get_logger("serve")

_SPAWN = get_context("spawn")
_LOOK_SECONDS = 0.5
"""How often the parent looks for a signal."""


def run_processes(
    config: uvicorn.Config, listening: socket.socket, count: int, stop_seconds: float
) -> None:
    """Serve with `count` processes until SIGTERM or SIGINT; what ends by itself is started again.

    What has not stopped `stop_seconds` after the signal is killed. Raises Failure where the
    application can't start.
    """
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: told.append(number))
    lifeline, ours = _SPAWN.Pipe(duplex=False)
    running: list[SpawnProcess] = []
    try:
        while not told:
            for process in [one for one in running if not one.is_alive()]:
                running.remove(process)
                if process.exitcode == STARTUP_FAILURE:
                    raise Failure("the server can't start: its log says why")
                log.warning("a serving process ended", code=process.exitcode)
            while len(running) < count:
                process = _SPAWN.Process(target=_serve, args=(config, listening, lifeline))
                process.start()
                running.append(process)
            connection.wait([process.sentinel for process in running], _LOOK_SECONDS)
    finally:
        _stop(running, stop_seconds)
        ours.close()


def _stop(running: list[SpawnProcess], seconds: float) -> None:
    for process in running:
        process.terminate()
    until = monotonic() + seconds
    for process in running:
        process.join(max(0.0, until - monotonic()))
        if process.is_alive():
            log.warning("a serving process was killed: it did not stop", seconds=seconds)
            process.kill()
            process.join()


def _serve(
    config: uvicorn.Config, listening: socket.socket, lifeline: "connection.Connection"
) -> None:
    """In a process of its own."""
    Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn raises it again when it has stopped
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too: the parent's to judge
    config.configure_logging()  # what the parent set up did not come along
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    uvicorn.Server(config).run(sockets=[listening])


def _end_with_parent(lifeline: "connection.Connection") -> None:
    """Stop when nobody holds the other end any more, as after `kill -9` of the parent."""
    try:
        lifeline.recv()
    except EOFError:
        os.kill(os.getpid(), signal.SIGTERM)

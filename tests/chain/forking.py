"""Commands of `catalog` as processes that are forked from one which has imported everything.

A command imports for some seconds of a processor's time, and the tests of the chain call hundreds.
Each is still a process of its own, with arguments, environment and streams of its own, and ends
as one does; only the imports were done before. How `catalog` itself starts is seen by the tour
(test_readme.py), by `catalog run` (test_run.py), and by all commands that a test kills or watches.

`python -m tests.chain.forking FD` is the process that forks; it ends with the socket FD.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile

import adapters

ROOT = Path(__file__).parents[2]
_REQUEST = 1 << 17
"""Most bytes of arguments and environment together."""
_IDLE = {"jemalloc_bg_thd", "polars-ooc-clea"}
"""Threads that Polars and PyArrow start when they are imported. jemalloc is made to be forked, and
the other waits for what is written to disk; Polars' pool of threads begins with its first use."""


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    code: int
    out: str
    errors: str


class Forking:
    """The process that forks."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def close(self) -> None:
        """End it, and what it started."""
        self._control.close()
        self._process.wait(30)

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], given: str, seconds: float
    ) -> Done:
        """Run `catalog ARGUMENTS` to its end; after `seconds` it is aborted (exit code -6) and
        says where it stood.
        """
        told, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with TemporaryFile() as stdin, TemporaryFile() as out, TemporaryFile() as errors, told:
            stdin.write(given.encode())
            stdin.seek(0)
            with theirs:
                request = json.dumps([list(arguments), dict(environment)]).encode()
                streams = [file.fileno() for file in (stdin, out, errors, theirs)]
                socket.send_fds(self._control, [request], streams)
            pid = _number(told)
            try:
                if not select.select([told], [], [], seconds)[0]:
                    os.kill(pid, signal.SIGABRT)
                code = _number(told)
            except BaseException:
                os.kill(pid, signal.SIGKILL)
                raise
            out.seek(0)
            errors.seek(0)
            return Done(code, out.read().decode(), errors.read().decode(errors="replace"))


@cache
def forking() -> Forking:
    """The one of this run, which ends with it."""
    made = Forking()
    atexit.register(made.close)
    return made


def _number(told: socket.socket) -> int:
    said = told.recv(16)
    assert said, "the process that forks commands has ended"
    return int(said)


def _next_command(control: socket.socket) -> list[str] | None:
    """Fork at each request. Returns its arguments in the new process, whose streams and
    environment are then those that were asked for; None in this one, when `control` has ended.
    """
    running: dict[int, tuple[int, socket.socket]] = {}
    """The descriptor of a process → its number, and who is told of its end."""
    with selectors.DefaultSelector() as ready:
        ready.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is not control:
                    ready.unregister(key.fd)
                    pid, told = running.pop(key.fd)
                    _, status = os.waitpid(pid, 0)
                    os.close(key.fd)
                    with told:
                        _tell(told, os.waitstatus_to_exitcode(status))
                    continue
                request, streams, _, _ = socket.recv_fds(control, _REQUEST, 4)
                if not request:
                    _kill([pid for pid, _ in running.values()])
                    return None
                arguments, environment = json.loads(request)
                pid = os.fork()
                if pid == 0:
                    _become(streams, environment)
                    return [str(argument) for argument in arguments]
                told = socket.socket(fileno=streams.pop())
                for stream in streams:
                    os.close(stream)
                process = os.pidfd_open(pid)
                running[process] = (pid, told)
                ready.register(process, selectors.EVENT_READ)
                _tell(told, pid)


def _tell(told: socket.socket, number: int) -> None:
    with suppress(BrokenPipeError):  # the test was ended meanwhile
        told.send(str(number).encode())


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _become(streams: Sequence[int], environment: Mapping[str, str]) -> None:
    for number, stream in enumerate(streams[:3]):
        os.dup2(stream, number)
    os.closerange(3, max(streams) + 1)  # of this request, of others, and the control itself
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()


def _import_all() -> None:
    """All that a command imports when it is called."""
    for module in pkgutil.walk_packages(adapters.__path__, "adapters."):
        if not module.name.startswith("adapters.synthetic"):
            importlib.import_module(module.name)
    tasks = Path("/proc/self/task").iterdir()
    threads = {(task / "comm").read_text().strip() for task in tasks}
    gc.freeze()  # or each collection of a process that is forked would copy all of this
    assert threads - _IDLE == {_name()}, f"{threads}: what one of them holds is never let go"


def _name() -> str:
    return Path("/proc/self/comm").read_text().strip()


def main() -> None:
    """Fork commands, and be one in each process that is forked."""
    control = socket.socket(fileno=int(sys.argv[1]))
    _import_all()
    arguments = _next_command(control)
    if arguments is not None:
        from adapters.cli.main import main as catalog

        sys.argv = ["catalog", *arguments]
        catalog()


if __name__ == "__main__":
    main()

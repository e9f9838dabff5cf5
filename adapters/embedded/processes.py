"""Starts an engine's process so that nothing outlives this one, and waits until it answers.

Each engine runs under a supervisor (see `supervisor`), which stops it when this process dies,
however it dies. Readiness is a condition that is asked again and again, never a fixed pause; an
engine that ends early or never answers is reported with the end of its log.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from domain.failures import Failure, WrongUsage

LOOPBACK = "127.0.0.1"
_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_POLL_SECONDS = 0.05
_TAIL_LINES = 25
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


class EngineFailed(Failure):
    """An engine didn't start, or ended by itself; the message holds the end of its log."""


class PortTaken(WrongUsage):
    """A port that a setting names is in use."""


class StartCancelled(Exception):
    """Another engine failed meanwhile, or the user interrupted: stop waiting."""


@dataclass(frozen=True)
class EngineProcess:
    """A running engine: the supervisor's process, and the file that its output goes to."""

    name: str
    supervisor: subprocess.Popen[bytes]
    log: Path

    @property
    def is_running(self) -> bool:
        return self.supervisor.poll() is None

    def ask_to_stop(self) -> None:
        """Begin an orderly stop; `await_stop` sees to its end."""
        with suppress(ProcessLookupError):
            self.supervisor.send_signal(signal.SIGTERM)

    def await_stop(self, seconds: float) -> None:
        """Wait at most `seconds` for the orderly stop, then end the engine by force."""
        try:
            self.supervisor.wait(seconds)
        except subprocess.TimeoutExpired:
            self._let_go()
            self.supervisor.wait()
        self._let_go()

    def _let_go(self) -> None:
        """Close our end of the supervisor's pipe, which to it is our death."""
        if self.supervisor.stdin is not None:
            with suppress(BrokenPipeError):
                self.supervisor.stdin.close()

    def failure(self, what: str) -> EngineFailed:
        """The error that says `what` happened, with the end of the log."""
        return EngineFailed(f"{self.name} {what}; the end of {self.log}:\n{log_tail(self.log)}")


def log_tail(log: Path) -> str:
    """The last lines of a log, indented; a note when there are none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    except OSError as error:
        lines = [f"({error.strerror})"]
    return "\n".join(f"  {line}" for line in lines) or "  (empty)"


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path,
    held: int | None,
    env: Mapping[str, str] | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    death_signal: signal.Signals = signal.SIGKILL,
    user: tuple[int, int] | None = None,
) -> EngineProcess:
    """Start `command` under a supervisor.

    `held` is the descriptor of the data folder's lock, which the supervisor shares, so that the
    folder counts as in use until the engine is gone; None for what doesn't write there.
    The engine sees of this process's environment only what any program needs: settings and
    secrets stay here.
    """
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))  # the former run's log is worth one look back
    variables = {key: os.environ[key] for key in _KEPT_VARIABLES if key in os.environ}
    variables |= {"TZ": "UTC", **(env or {})}
    identity = "-" if user is None else f"{user[0]}:{user[1]}"
    arguments = [str(int(stop_signal)), str(int(death_signal)), identity, *map(str, command)]
    with log.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_SUPERVISOR), *arguments],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=variables,
            start_new_session=True,  # a terminal's Ctrl-C is for us; we stop the engines in order
            pass_fds=() if held is None else (held,),
        )
    return EngineProcess(name, supervisor, log)


def wait_until(
    process: EngineProcess,
    condition: Callable[[], bool],
    *,
    seconds: float,
    cancelled: Event,
) -> None:
    """Ask `condition` until it is true.

    Raises EngineFailed when the process ends or `seconds` pass first, StartCancelled when
    `cancelled` is set.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if not process.is_running:
            raise process.failure(
                f"ended while starting (exit code {process.supervisor.returncode})"
            )
        if time.monotonic() > deadline:
            raise process.failure(f"didn't answer within {seconds:.0f} seconds")
        if cancelled.wait(_POLL_SECONDS):
            raise StartCancelled(process.name)


def accepts_connections(port: int) -> bool:
    """Whether something listens on this loopback port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


def choose_port(wanted: int | None, setting: str, former: int | None, spoken_for: set[int]) -> int:
    """The port that a setting wants, else the one used last time, else any free one.

    Raises PortTaken when the wanted one is in use.
    """
    if wanted is not None:
        if wanted in spoken_for or not _is_free(wanted):
            raise PortTaken(
                f"port {wanted} ({setting}) is taken: end the program that listens there, set"
                f" another port, or leave {setting} out for any free one"
            )
        return wanted
    if former is not None and former not in spoken_for and _is_free(former):
        return former
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if port not in spoken_for:
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT is no owner
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True

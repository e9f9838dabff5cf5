"""Runs what is measured in a process of its own, so that its memory and its imports are its own."""

import multiprocessing
import re
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

Job = Callable[..., Any]
"""Called with a `Clock` and the job's arguments; must be a function of a module."""


class JobFailed(Exception):
    """What was measured failed; the message is its traceback."""


@dataclass
class Clock:
    """Started and stopped by the job around what counts."""

    began: float = 0.0
    ended: float = 0.0
    marks: list[tuple[float, int]] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    """MB that were resident at each mark."""

    def start(self) -> None:
        """From now on it counts."""
        self.began = time.monotonic()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    def mark(self, done: int) -> None:
        """So many records are done; kept ten times per second at most."""
        now = self.elapsed()
        if not self.marks or now - self.marks[-1][0] >= 0.1:
            self.marks.append((round(now, 3), done))
            self.memory.append((round(now, 3), round(resident_mb(), 1)))

    def stop(self) -> None:
        """No more counts."""
        self.ended = time.monotonic()


@dataclass(frozen=True)
class Measured:
    """What a job returned, and what it took."""

    value: Any
    seconds: float
    peak_mb: float
    timeline: list[tuple[float, int]]
    memory: list[tuple[float, float]]

    def rate(self, count: int) -> float:
        """Records per second."""
        return count / self.seconds


def measured(job: Job, *arguments: Any) -> Measured:
    """Run `job(clock, *arguments)` in a fresh process. Raises JobFailed."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(theirs, job, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        succeeded, outcome = mine.recv()
    except EOFError:
        process.join()
        raise JobFailed(f"{job.__name__} ended with exit code {process.exitcode}") from None
    finally:
        if process.is_alive():
            process.join(5)
            process.terminate()
    if not succeeded:
        raise JobFailed(outcome)
    return Measured(*outcome)


def _run(answer: Connection, job: Job, arguments: tuple[Any, ...]) -> None:
    clock = Clock()
    try:
        value = job(clock, *arguments)
        seconds = clock.ended - clock.began
        answer.send((True, (value, seconds, peak_mb(), clock.marks, clock.memory)))
    except BaseException:
        answer.send((False, traceback.format_exc()))


def peak_mb(pid: int | str = "self") -> float:
    """Largest resident memory that a process has had, in MB."""
    return _memory("VmHWM", pid)


def resident_mb() -> float:
    """Memory of this process that is resident now, in MB."""
    return _memory("VmRSS", "self")


def _memory(kind: str, pid: int | str) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    found = re.search(rf"{kind}:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else float("nan")

"""What runs beside a test, threads and processes: all of it ends, and none keeps the run alive."""

import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

_LIMIT_S = 120


def beside(target: Callable[..., object], args: Iterable[Any] = ()) -> Thread:
    """A thread that doesn't outlive the run, not yet started."""
    return Thread(target=target, args=tuple(args), daemon=True)


def join(*threads: Thread) -> None:
    """Wait for threads that were told to end; the test fails where one doesn't."""
    for thread in threads:
        thread.join(_LIMIT_S)
    stuck = [thread.name for thread in threads if thread.is_alive()]
    assert not stuck, f"{stuck} did not end within {_LIMIT_S} s"


@contextmanager
def killed(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Kill a process at the end, so that leaving its own context doesn't wait for it for ever."""
    try:
        yield
    finally:
        process.kill()

"""Ctrl-C and SIGTERM end a command the same way: everything it started is stopped, in order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """The user (SIGINT), a supervisor (SIGTERM) or a closing terminal (SIGHUP) wants an end."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise Interrupted on the first of these signals, and ignore those that follow.

    A second Ctrl-C must not cut short the stop that the first one began; that stop is bounded
    in time. Only the main thread may enter.
    """
    seen = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal seen
        if not seen:
            seen = True
            raise Interrupted(signal.Signals(number).name)

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    former = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)

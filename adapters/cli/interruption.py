"""Ctrl-C and SIGTERM end a command the same way: everything it started is stopped, in order."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socketpair
from threading import Event, Thread
from types import FrameType

import structlog
import typer

log = structlog.get_logger("stop")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STOP_SECONDS = 8.0
"""How long a worker may take to finish what it has begun."""


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

    former = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def resumable(what: str) -> Iterator[None]:
    """End a command that goes on where it was when it is started again.

    The transaction under way is rolled back. Exit code 0 where a supervisor stopped it, who knows;
    130 at Ctrl-C, so that a script does not go on.
    """
    try:
        with interruptible():
            yield
    except Interrupted as interruption:
        print(f"stopped ({interruption}): {what}", file=sys.stderr)
        raise typer.Exit(0 if str(interruption) == "SIGTERM" else 130) from None


@contextmanager
def stopping(stop: Event, seconds: float = _STOP_SECONDS) -> Iterator[None]:
    """Set `stop` at the first of these signals; end the process where that has not ended it.

    A worker that waits for brokers or a database that are away hears of no signal until they
    answer. A thread of its own hears it at once, and after `seconds` ends the process: as with a
    kill, what was begun is rolled back by those who hold it, and done again by the next. Only the
    main thread may enter.
    """
    heard, told = socketpair()
    told.setblocking(False)
    ended = Event()

    def listen() -> None:
        while number := heard.recv(1):
            if number[0] in _SIGNALS:
                stop.set()
                if not ended.wait(seconds):
                    log.warning("stopped in the midst of waiting: nobody answers", waited=seconds)
                    os._exit(0)
                return

    former = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
    former_descriptor = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    listener = Thread(target=listen, name="signals", daemon=True)
    listener.start()
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(former_descriptor)
        for number, handler in former.items():
            signal.signal(number, handler)
        told.close()
        listener.join()
        heard.close()

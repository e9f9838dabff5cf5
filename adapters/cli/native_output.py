"""Keeps the panics of native libraries off a user's terminal.

polars meets bytes that break their schema with a panic, which we catch and tell in a sentence; but
Rust has written it to standard error by then, with a backtrace of forty lines. No setting of it
prevents that. So, while a command works, what native code writes goes through a pipe, and all but
panics is passed on.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

_BEGINS = re.compile(rb"thread '.*panicked at ")
_FRAMES = re.compile(rb"stack backtrace:|note: |\s+\d+: |\s+at ")


@contextmanager
def without_panics() -> Iterator[None]:
    """Pass on what native code writes to standard error, but for panics of Rust.

    Python's own standard error goes to where it went before, so a terminal stays one.
    """
    own = sys.stderr
    try:
        own.flush()
        real = os.dup(2)
        python = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="replace")
    except (OSError, ValueError):  # there is no standard error
        yield
        return
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    os.close(writing)
    passing = Thread(target=_pass_on, args=(reading, real), name="native output", daemon=True)
    passing.start()
    is_ours = own is sys.__stderr__
    if is_ours:
        sys.stderr = python
    try:
        yield
    finally:
        if is_ours:
            sys.stderr = own
        python.close()
        os.dup2(real, 2)  # closes the pipe's end, which ends the thread
        passing.join(1)
        os.close(real)


def _pass_on(reading: int, real: int) -> None:
    """Write lines on, but for a panic's: an empty one, its head, its message, its backtrace."""
    is_message = is_backtrace = False
    held = b""  # an empty line, until it is known what follows
    with os.fdopen(reading, "rb") as lines:
        for line in lines:
            if _BEGINS.match(line):
                is_message, held = True, b""
            elif is_message:
                is_message, is_backtrace = False, True
            elif not (is_backtrace and _FRAMES.match(line)):
                is_backtrace = False
                if line == b"\n" and not held:
                    held = line
                    continue
                os.write(real, held + line)
                held = b""
    if held:
        os.write(real, held)

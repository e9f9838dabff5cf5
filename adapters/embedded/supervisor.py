"""Runs one engine and sees to it that it never outlives the process that asked for it.

A script of its own (`python -I -S supervisor.py …`, standard library only), because nothing inside
the asking process can act after that one was killed with `kill -9`.

    supervisor.py STOP_SIGNAL DEATH_SIGNAL USER COMMAND [ARGUMENT…]      (USER: "uid:gid" or "-")

Standard input is a pipe whose other end only the asker holds. SIGTERM to the supervisor passes
STOP_SIGNAL to the engine (an orderly stop). When the pipe closes or the parent changes, the
asker is dead: the engine gets DEATH_SIGNAL, and SIGKILL if it is still there
`GRACE` seconds later. The supervisor exits with the engine's own exit code.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time

GRACE = 5.0
PARENT_POLL = 0.5  # a copy of the pipe may live on in a forked worker: so the parent is asked too
PR_SET_PDEATHSIG = 1  # prctl(2); Linux only


def die_with_parent(sign: int) -> None:
    """Second line of defence on Linux: should the supervisor itself be killed, so is its engine."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, sign, 0, 0, 0)


def run(command: list[str], user: str, death_signal: int) -> int:
    """Fork and execute; returns the engine's pid, which is also its process group."""
    supervisor = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setpgid(0, 0)
        for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(sign, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if user != "-":
            uid, gid = (int(part) for part in user.split(":"))
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        die_with_parent(death_signal)  # after setuid, which would clear it
        if os.getppid() != supervisor:
            os._exit(1)
        os.closerange(
            3, 256
        )  # the data folder's lock is the supervisor's to hold, not the engine's
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        print(f"cannot start {command[0]}: {error}", file=sys.stderr, flush=True)
    os._exit(127)


def main() -> int:
    """Keep the engine until it ends, is told to stop, or the asker dies."""
    stop_signal, death_signal = int(sys.argv[1]), int(sys.argv[2])
    parent = os.getppid()
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
    os.set_blocking(waker, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(sign, lambda *_: None)
    engine = run(sys.argv[4:], sys.argv[3], death_signal)
    watched = [0, woken]
    deadline: float | None = None
    while True:
        ready, _, _ = select.select(watched, [], [], PARENT_POLL)
        if woken in ready and signal.SIGTERM in os.read(woken, 4096):
            os.kill(engine, stop_signal)
        ended, status = os.waitpid(engine, os.WNOHANG)
        if ended:
            return abs(os.waitstatus_to_exitcode(status))
        if deadline is None and ((0 in ready and not os.read(0, 1)) or os.getppid() != parent):
            watched = [woken]
            deadline = time.monotonic() + GRACE
            os.kill(engine, death_signal)
        if deadline is not None and time.monotonic() > deadline:
            os.killpg(engine, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())

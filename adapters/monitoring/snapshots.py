"""Snapshots, taken in the background, of what is slow to ask or asked by many.

A page shows the newest one with its age and never waits for a broker. Each kind is taken in a
thread of its own, so that a slow one holds up no other. While nobody reads, nothing is asked.

A snapshot that can't be renewed soon stops being true, so it ends: a few seconds after its
successor was due there is none, whether the source fails, hangs, or was not asked because nobody
read. Whoever reads gets a value that holds now, or none and the reason.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Condition, Thread
from time import monotonic
from typing import Generic, TypeVar

import structlog

from domain.failures import Failure

log = structlog.get_logger("snapshots")

T = TypeVar("T")

IDLE_SECONDS = 300.0
"""After so long without a reader nothing is taken any more, until there is one again. No scraper
comes less often: Prometheus takes a series for gone after five minutes."""
GRACE_SECONDS = 5.0
"""How long a snapshot still holds after its successor was due."""


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[T]):
    """What holds now, or why nothing is known."""

    value: T | None = None
    """None: unknown. There was none yet, or the last one is too old to be taken for the truth."""
    at: datetime | None = None
    """When the last one was taken, also where it holds no more."""
    problem: str | None = None
    """Why the newest attempt failed, or why nothing is known."""


@dataclass(frozen=True, slots=True)
class _Taken(Generic[T]):
    value: T
    at: datetime
    ended: float
    seconds: float


class RepeatedSnapshot(Generic[T]):
    """Takes snapshots of one kind every so often."""

    def __init__(
        self,
        name: str,
        take: Callable[[], T],
        *,
        seconds: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._name = name
        self._take = take
        self._seconds = seconds
        self._clock = clock
        self._changed = Condition()
        self._read_at = clock()
        self._hurried = False
        self._stopped = False
        self._last: _Taken[T] | None = None
        self._problem: str | None = None
        self._asking_since: float | None = None
        self._thread = Thread(target=self._run, name=f"snapshot {name}", daemon=True)

    def start(self) -> None:
        """Begin in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more; the one being taken may come to its end."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def newest(self) -> Snapshot[T]:
        """The newest snapshot, at once."""
        with self._changed:
            self._note_reader()
            return self._newest()

    def hurry(self) -> None:
        """Take the next now: something was done that it should show."""
        with self._changed:
            self._read_at = self._clock()
            self._hurried = True
            self._changed.notify_all()

    def take(self) -> None:
        """Take one in this thread."""
        began = self._clock()
        with self._changed:
            self._asking_since = began
        taken: _Taken[T] | None = None
        problem: str | None = None
        try:
            value = self._take()
        except Failure as error:
            problem = str(error)
        except Exception as error:  # whatever it is must be seen, and the next may succeed
            log.exception("snapshot failed", kind=self._name)
            problem = f"{type(error).__name__}: {error}"
        else:
            ended = self._clock()
            taken = _Taken(value, datetime.now(UTC), ended, ended - began)
        with self._changed:
            self._asking_since = None
            self._last = taken or self._last
            self._problem = problem

    def _newest(self) -> Snapshot[T]:
        now, last = self._clock(), self._last
        if last is None:
            return Snapshot(problem=self._problem or self._waiting(now))
        due = self._seconds + 2 * last.seconds
        if now - last.ended <= due + GRACE_SECONDS:
            return Snapshot(last.value, last.at, self._problem)
        return Snapshot(None, last.at, self._problem or self._waiting(now))

    def _waiting(self, now: float) -> str | None:
        """Why nothing is known although nothing failed; None while that is only natural."""
        since = self._asking_since
        if since is None or now - since <= GRACE_SECONDS:
            return None
        return f"no answer for {now - since:.0f} s"

    def _note_reader(self) -> None:
        if self._is_idle():
            self._problem = None  # it is as old as the last snapshot
            self._changed.notify_all()
        self._read_at = self._clock()

    def _run(self) -> None:
        while True:
            self.take()
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or self._hurried, self._seconds)
                self._changed.wait_for(
                    lambda: self._stopped or self._hurried or not self._is_idle()
                )
                self._hurried = False
                if self._stopped:
                    return

    def _is_idle(self) -> bool:
        return self._clock() - self._read_at > IDLE_SECONDS

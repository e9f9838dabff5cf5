"""Snapshots, taken in the background, of what is slow to ask or asked by many.

A page shows the last one with its age and never waits for a broker. Each kind is taken in a thread
of its own, so that a slow one holds up no other. While nobody looks, nothing is asked.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Condition, Thread
from time import monotonic
from typing import Generic, TypeVar

import structlog

from domain.failures import Failure

log = structlog.get_logger("snapshots")

T = TypeVar("T")

IDLE_SECONDS = 120.0
"""After so long without a reader nothing is taken any more, until there is one again."""


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[T]):
    """What was found, when, and what kept a newer one from being taken."""

    value: T | None = None
    """None before the first."""
    at: datetime | None = None
    seconds: float = 0.0
    """How long it took."""
    problem: str | None = None
    """Why the newest attempt failed; `value` is older then."""


class Repeated(Generic[T]):
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
        self._newest: Snapshot[T] = Snapshot()
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
            was_idle = self._is_idle()
            self._read_at = self._clock()
            if was_idle:
                self._changed.notify_all()
            return self._newest

    def hurry(self) -> None:
        """Take the next now: something was done that it should show."""
        with self._changed:
            self._read_at = self._clock()
            self._hurried = True
            self._changed.notify_all()

    def take(self) -> None:
        """Take one in this thread."""
        began = self._clock()
        try:
            value = self._take()
        except Failure as error:
            found = replace(self._newest, problem=str(error))
        except Exception as error:  # whatever it is must be seen, and the next may succeed
            log.exception("snapshot failed", kind=self._name)
            found = replace(self._newest, problem=f"{type(error).__name__}: {error}")
        else:
            found = Snapshot(value, datetime.now(UTC), self._clock() - began)
        with self._changed:
            self._newest = found

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

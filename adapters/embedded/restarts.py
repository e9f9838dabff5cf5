"""When a process that ended by itself is started again, and when that is given up.

At once after a life; after a pause that grows while it ends soon after each start. A process that
never lives for HEALTHY_SECONDS is given up after ATTEMPTS.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

HEALTHY_SECONDS = 20.0
ATTEMPTS = 6
LONGEST_PAUSE = 30.0


def pause_after(failures: int) -> float:
    """Seconds before the next start, after so many ends in a row: 0, 1, 2, 4 … LONGEST_PAUSE."""
    return 0.0 if failures <= 1 else min(LONGEST_PAUSE, 2.0 ** min(failures - 2, 16))


@dataclass
class Restarts:
    """The starts of one process."""

    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    """Ends in a row without a life between them."""
    _began: float = field(init=False)
    _due: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._began = self.clock()

    def started(self) -> None:
        """It was started just now."""
        self._began = self.clock()
        self._due = None

    def runs(self) -> None:
        """It runs: where it had ended, somebody else started it."""
        if self._due is not None:
            self.started()

    def ended(self) -> bool:
        """It isn't running: whether this is news, because it ended since `started`."""
        if self._due is not None:
            return False
        now = self.clock()
        self.failures = self.failures + 1 if now - self._began < HEALTHY_SECONDS else 1
        self._due = now + pause_after(self.failures)
        return True

    @property
    def told_pause(self) -> str:
        """The pause before the next start, to be added to a sentence; empty without one."""
        pause = pause_after(self.failures)
        return f" in {pause:.0f} s" if pause else ""

    @property
    def is_given_up(self) -> bool:
        """It can't be kept alive."""
        return self.failures >= ATTEMPTS

    @property
    def is_due(self) -> bool:
        """It ended, and the pause is over."""
        return self._due is not None and self.clock() >= self._due

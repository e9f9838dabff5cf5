"""What a long run reports while it goes: phase, counts, rate and the time that is left."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from time import monotonic
from typing import Any

PHASES = ("filling", "indexing", "catching_up", "verifying")
"""The phases of a rebuild that take their time, in order."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One report. `done` and `total` count offsets, or tables where those are gone through;
    `seconds_left` of the phase is None where nobody knows."""

    phase: str
    done: int = 0
    total: int = 0
    per_second: float = 0.0
    seconds_left: float | None = None
    detail: str = ""
    then: Mapping[str, float] = field(default_factory=dict)
    """Phases to come → seconds that they should take, as far as former rebuilds tell."""

    @property
    def to_go(self) -> int:
        """What is left of `total`."""
        return max(0, self.total - self.done)

    def as_dict(self) -> dict[str, object]:
        """For storing and for JSON."""
        return {**asdict(self), "to_go": self.to_go}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Progress | None":
        """What `as_dict` stored, by whatever version; None where nothing is."""
        known = {f.name: stored[f.name] for f in fields(cls) if f.name in stored}
        return cls(**known) if "phase" in known else None


Report = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Reports nothing."""


def with_estimates(
    report: Report, expected: Mapping[str, float], clock: Callable[[], float] = monotonic
) -> Report:
    """Add what is `expected` (phase → seconds) of the phases to come, and of one that can't tell
    by itself how long it will take."""
    phase, began = "", 0.0

    def told(progress: Progress) -> None:
        nonlocal phase, began
        if progress.phase != phase:
            phase, began = progress.phase, clock()
        left = progress.seconds_left
        if left is None and phase in expected:
            left = max(0.0, expected[phase] - (clock() - began))
        later = PHASES[PHASES.index(phase) + 1 :] if phase in PHASES else ()
        then = {name: expected[name] for name in later if name in expected}
        report(replace(progress, seconds_left=left, then=then))

    return told


class Meter:
    """Turns counts into progress reports, at most ten a second.

    `done` is what an earlier run has done of `total`; the rate is of this one.
    """

    def __init__(
        self,
        phase: str,
        total: int,
        report: Report,
        clock: Callable[[], float] = monotonic,
        *,
        done: int = 0,
    ) -> None:
        self._phase = phase
        self._total = total
        self._report = report
        self._clock = clock
        self._began = self._reported = clock()
        self._before = done
        self._done = 0
        report(Progress(phase, done, total))

    def add(self, count: int) -> None:
        """Count further work as done."""
        self.count(count)
        self.tick()

    def count(self, count: int) -> None:
        """Count without a report: for a thread beside the one that reports."""
        self._done += count

    def tick(self) -> None:
        """Report, unless that was a moment ago."""
        now = self._clock()
        if now - self._reported >= 0.1:
            self._reported = now
            self._report(self._now(now))

    def end(self) -> None:
        """Report the last state."""
        self._report(self._now(self._clock()))

    def _now(self, now: float) -> Progress:
        elapsed = max(now - self._began, 1e-9)
        rate = self._done / elapsed
        done = self._before + self._done
        left = max(0, self._total - done) / rate if rate else None
        return Progress(self._phase, done, self._total, rate, left)

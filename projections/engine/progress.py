"""What a long run reports while it goes: phase, counts, rate and the time that is left."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import monotonic


@dataclass(frozen=True, slots=True)
class Progress:
    """One report. `done` and `total` count offsets; `seconds_left` is None where nobody knows."""

    phase: str
    done: int = 0
    total: int = 0
    per_second: float = 0.0
    seconds_left: float | None = None
    detail: str = ""

    def as_dict(self) -> dict[str, object]:
        """For storing and for JSON."""
        return asdict(self)


Report = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Reports nothing."""


class Meter:
    """Turns counts into progress reports, at most ten a second."""

    def __init__(
        self, phase: str, total: int, report: Report, clock: Callable[[], float] = monotonic
    ) -> None:
        self._phase = phase
        self._total = total
        self._report = report
        self._clock = clock
        self._began = self._reported = clock()
        self._done = 0
        report(Progress(phase, 0, total))

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
        left = max(0, self._total - self._done) / rate if rate else None
        return Progress(self._phase, self._done, self._total, rate, left)

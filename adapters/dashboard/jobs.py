"""What operators set going from the dashboard: each in a thread, and logged. Of a kind there is one
at a time per subject: two read models are rebuilt beside each other, one isn't rebuilt twice.

A job ends with this process; a rebuild that was cut short goes on where it was when it is started
again, from here or from the command line.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from threading import Lock, Thread

import structlog

from domain.failures import Failure, Refused

log = structlog.get_logger("dashboard")

KEPT = 20


class Busy(Refused):
    """A job of this kind and subject runs already."""


@dataclass
class Job:
    """One action, from its start on. Written by its own thread only."""

    number: int
    kind: str
    subject: str
    """What it works on: a read model; empty where a kind is of all."""
    what: str
    by: str
    """Id of the operator's key."""
    began: datetime
    ended: datetime | None = None
    outcome: str = ""
    failed: bool = False
    step: str = ""
    """What it is about now."""

    @property
    def is_running(self) -> bool:
        """It hasn't ended."""
        return self.ended is None


@dataclass
class Jobs:
    """The jobs of this process. `done` is called after each, whatever became of it."""

    done: Callable[[], None] = lambda: None
    _recent: deque[Job] = field(default_factory=lambda: deque(maxlen=KEPT))
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _lock: Lock = field(default_factory=Lock)

    def start(
        self, kind: str, what: str, by: str, work: Callable[[Job], str], *, subject: str = ""
    ) -> Job:
        """Run `work` in a thread; what it returns says what became of it. Raises Busy."""
        with self._lock:
            for job in self._recent:
                if (job.kind, job.subject) == (kind, subject) and job.is_running:
                    raise Busy(
                        f"Not started: {job.what} is under way since {job.began:%H:%M:%S} UTC."
                    )
            job = Job(next(self._numbers), kind, subject, what, by, datetime.now(UTC))
            self._recent.appendleft(job)
        log.info("action started", job=job.number, what=what, by=by)
        Thread(target=self._run, args=(job, work), name=f"job {job.number}", daemon=True).start()
        return job

    def recent(self, kind: str | None = None) -> list[Job]:
        """The last jobs, newest first."""
        with self._lock:
            return [job for job in self._recent if kind is None or job.kind == kind]

    def _run(self, job: Job, work: Callable[[Job], str]) -> None:
        try:
            job.outcome = work(job)
        except Failure as error:
            job.outcome, job.failed = str(error), True
        except Exception as error:  # a person waits for word of it
            log.exception("action failed", job=job.number, what=job.what)
            job.outcome, job.failed = f"{type(error).__name__}: {error}", True
        job.ended = datetime.now(UTC)
        log.info(
            "action ended",
            job=job.number,
            what=job.what,
            by=job.by,
            failed=job.failed,
            outcome=job.outcome,
        )
        self.done()

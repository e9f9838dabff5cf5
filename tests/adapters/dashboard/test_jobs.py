"""Actions run one of a kind at a time, and tell what became of them."""

from threading import Event

import pytest

from adapters.dashboard.jobs import Busy, Job, Jobs
from domain.failures import Failure


def _ended(jobs: Jobs, done: Event) -> Job:
    assert done.wait(30)
    return jobs.recent()[0]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(Failure("history is not whole"), "history is not whole"), (KeyError("x"), "KeyError")],
)
def test_a_failure_is_told(error: Exception, outcome: str) -> None:
    done = Event()
    jobs = Jobs(done=done.set)

    def work(_: Job) -> str:
        raise error

    jobs.start("generations", "rebuild", "cat_abc", work)
    job = _ended(jobs, done)
    assert job.failed
    assert job.outcome.startswith(outcome)


def test_only_one_of_a_kind_runs() -> None:
    go, done = Event(), Event()
    jobs = Jobs(done=done.set)

    def work(_: Job) -> str:
        assert go.wait(30)
        return "done"

    jobs.start("generations", "rebuild", "cat_abc", work)
    with pytest.raises(Busy, match="rebuild is under way"):
        jobs.start("generations", "rollback", "cat_abc", work)
    jobs.start("dead letters", "retry", "cat_abc", lambda _: "2 resolved")
    assert done.wait(30)
    done.clear()
    go.set()
    assert done.wait(30)
    assert [(job.what, job.outcome) for job in jobs.recent("generations")] == [("rebuild", "done")]
    assert not any(job.is_running for job in jobs.recent())


def test_two_subjects_do_not_hinder_each_other() -> None:
    go, done = Event(), Event()
    jobs = Jobs(done=done.set)

    def work(_: Job) -> str:
        assert go.wait(30)
        return "done"

    jobs.start("generations", "rebuild catalog", "cat_abc", work, subject="catalog")
    jobs.start("generations", "rebuild x", "cat_abc", lambda _: "live", subject="new_releases")
    assert done.wait(30)
    with pytest.raises(Busy, match="rebuild catalog is under way"):
        jobs.start("generations", "drop", "cat_abc", work, subject="catalog")
    done.clear()
    go.set()
    assert done.wait(30)

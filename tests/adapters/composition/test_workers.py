"""A worker that can't begin waits: a broker may be away just then."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from adapters.composition import workers
from domain.failures import Unavailable


@contextmanager
def anything(*_: object) -> Iterator[Any]:
    yield None


def test_what_is_away_while_a_worker_begins_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[bool | Unavailable] = [Unavailable("no leader"), False, True]
    stop, waited = Event(), []

    def something_is_live(_: object) -> bool:
        answer = answers.pop(0)
        if isinstance(answer, Unavailable):
            raise answer
        return answer

    def wait(seconds: float | None = None) -> bool:
        waited.append(seconds)
        return False

    monkeypatch.setattr(workers, "await_ours", anything)
    monkeypatch.setattr(workers, "engine_context", anything)
    monkeypatch.setattr(workers, "live_worker", anything)
    monkeypatch.setattr(workers, "_something_is_live", something_is_live)
    monkeypatch.setattr("projections.engine.worker.run", lambda *_: stop.set())
    monkeypatch.setattr(stop, "wait", wait)
    endpoints: Any = None
    settings: Any = None
    workers.run_worker(settings, endpoints, stop)
    assert (answers, len(waited)) == ([], 2)

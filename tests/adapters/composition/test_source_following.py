"""Who follows a source waits longer for what stays away, and as at first once rows came again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.composition import source_following
from adapters.composition.source_following import follow
from adapters.source import register
from adapters.source.register import LIVE
from domain.failures import Unavailable
from projections.engine.backoff import backoff


class _Stop(Event):
    """Keeps how long it was waited for, and is set after `turns` of that."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self.turns = turns
        self.pauses: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0)
        if len(self.pauses) == self.turns:
            self.set()
        return self.is_set()


def test_pauses_grow_until_something_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = iter([0, 0, 0, 7, 0])
    noted: list[int] = []

    @contextmanager
    def connected(*_: object) -> Iterator[None]:
        yield

    def followed(*given: Any) -> None:
        note: Callable[[int], None] = given[-1]
        note(next(rows))
        raise Unavailable("the log is away")

    found = SimpleNamespace(state=LIVE, source=None)
    monkeypatch.setattr(source_following, "await_ours", lambda *_: None)
    monkeypatch.setattr(source_following, "master_connection", connected)
    monkeypatch.setattr(register, "find", lambda *_: found)
    monkeypatch.setattr(source_following, "_follow", followed)
    stop = _Stop(5)
    settings: Any = None
    endpoints: Any = SimpleNamespace(master_dsn="")
    follow(settings, endpoints, "house", stop, noted.append)
    assert stop.pauses == [backoff(attempt) for attempt in (1, 2, 3, 1, 2)]
    assert noted == [0, 0, 0, 7, 0]

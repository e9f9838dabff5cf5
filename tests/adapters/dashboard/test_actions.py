"""Actions of one read model don't wait for another's, and each does what it says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from adapters.composition.settings import load_settings
from adapters.dashboard.access import COOKIE, AccessRules, token_of
from adapters.dashboard.actions import generations
from adapters.dashboard.app import dashboard_app
from adapters.dashboard.snapshots import Snapshots
from projections.read_model import ReadModel
from tests.adapters.dashboard.test_access import FROM_US, NOWHERE, OPERATOR

Post = Callable[..., int]


@contextmanager
def _context(_settings: object, _endpoints: object, model: ReadModel) -> Iterator[str]:
    yield model.name


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    """Sends a form as an operator; the engine's context is but its read model's name."""
    monkeypatch.setattr(Snapshots, "start", lambda _: None)
    monkeypatch.setattr(Snapshots, "hurry", lambda _: None)
    monkeypatch.setattr(generations, "engine_context", _context)

    async def admit(*_: str) -> bool:
        return True

    app = dashboard_app(load_settings(data=tmp_path), NOWHERE, AccessRules(admit, is_open=True))
    with TestClient(app, follow_redirects=False) as client:
        client.cookies.set(COOKIE, OPERATOR)
        yield (
            lambda path, **form: (
                client.post(
                    path, data={"token": token_of(OPERATOR), **form}, headers=FROM_US
                ).status_code
            )
        )


def test_read_models_are_rebuilt_beside_each_other(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = Event()
    begun = {"catalog": Event(), "new_releases": Event()}

    def rebuild(context: str, **_: Any) -> Any:
        begun[context].set()
        assert go.wait(30)
        return SimpleNamespace(
            generation=SimpleNamespace(number=2, note="", phase=None), switched=True
        )

    monkeypatch.setattr("projections.engine.rebuild.rebuild", rebuild)
    try:
        assert post("/generations/rebuild", model="catalog", switch="yes") == 303
        assert begun["catalog"].wait(30)
        assert post("/generations/rebuild", model="new_releases", switch="yes") == 303
        assert begun["new_releases"].wait(30), "while the other one is under way"
        assert post("/generations/rebuild", model="catalog", switch="yes") == 409
        assert post("/generations/drop", model="catalog", number="1") == 409
    finally:
        go.set()


def test_a_generation_is_dropped(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: list[tuple[str, int]] = []
    done = Event()

    def drop(context: str, number: int) -> Any:
        dropped.append((context, number))
        done.set()
        return SimpleNamespace(number=number)

    monkeypatch.setattr("projections.engine.switch.drop", drop)
    assert post("/generations/drop", model="new_releases", number="7") == 303
    assert done.wait(30)
    assert dropped == [("new_releases", 7)]

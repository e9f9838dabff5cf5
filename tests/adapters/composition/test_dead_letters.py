"""Parked records are tried again where they belong: translation first, then each read model."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.composition import dead_letters
from projections.ports.dead_letters import DeadLetter, Retried, Stage

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def record(number: int, stage: Stage, model: str) -> DeadLetter:
    return DeadLetter(number, stage, model, 1, "t", 0, number, b"k", b"v", (), "why", NOW, 0)


def test_letters_are_retried_by_stage_and_read_model(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[str, list[int]]] = []

    def translated(_: Any, __: Any, numbers: set[int]) -> Retried:
        tried.append(("translate", sorted(numbers)))
        return Retried(tuple(numbers), {})

    def projected(_: Any, __: Any, model: Any, numbers: set[int]) -> Retried:
        tried.append((model.name, sorted(numbers)))
        return Retried((), dict.fromkeys(numbers, "still bad"))

    monkeypatch.setattr(dead_letters, "_retranslate", translated)
    monkeypatch.setattr(dead_letters, "_project_again", projected)
    parked = [
        record(4, Stage.PROJECT, "new_releases"),
        record(2, Stage.PROJECT, "catalog"),
        record(3, Stage.TRANSLATE, ""),
        record(1, Stage.PROJECT, "catalog"),
    ]
    nothing: Any = None
    retried = dead_letters.retry_dead_letters(nothing, nothing, parked)
    assert tried == [("translate", [3]), ("catalog", [1, 2]), ("new_releases", [4])]
    assert retried.done == (3,)
    assert sorted(retried.failed) == [1, 2, 4]

"""Keys: remembered, counted, and guessed at no more than so often from one address."""

import asyncio
import time
from hashlib import sha256
from typing import Any, cast

import pytest

from adapters.api import admission
from adapters.api.admission import Admission
from adapters.api.problems import Problem
from adapters.read_database.query_pool import QueryPool

SECRET = "s" * 43
KEY = f"cat_{'a' * 12}_{SECRET}"
UNKNOWN = f"cat_{'b' * 12}_{SECRET}"


class Keys:
    """One key, and how often it was looked for."""

    def __init__(self, rate: int = 1000) -> None:
        self.rate = rate
        self.asked = 0

    async def rows(self, _statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Its row."""
        self.asked += 1
        if parameters["id"] != "a" * 12:
            return []
        return [(sha256(SECRET.encode()).digest(), ["read"], self.rate)]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time stands still until the test moves it."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def _over(keys: Keys) -> Admission:
    return Admission(cast(QueryPool, keys), is_open=False)


def _status(judge: Admission, key: str, address: str) -> int:
    try:
        asyncio.run(judge.admit({b"authorization": f"Bearer {key}".encode("latin-1")}, address))
    except Problem as problem:
        return problem.status
    return 200


def test_an_address_may_guess_so_often_and_costs_no_statement_after_that(
    clock: list[float],
) -> None:
    keys = Keys()
    judge = _over(keys)
    burst = 2 * admission.UNKNOWN_KEYS_RATE
    assert [_status(judge, UNKNOWN, "192.0.2.1") for _ in range(burst)] == [401] * burst
    assert [_status(judge, UNKNOWN, "192.0.2.1") for _ in range(5)] == [429] * 5
    assert keys.asked == burst
    assert _status(judge, UNKNOWN, "192.0.2.2") == 401
    clock[0] += 1
    assert _status(judge, UNKNOWN, "192.0.2.1") == 401


def test_who_has_a_key_isnt_kept_out_by_who_guesses_beside_them(clock: list[float]) -> None:
    judge = _over(Keys())
    assert _status(judge, KEY, "192.0.2.1") == 200
    while _status(judge, UNKNOWN, "192.0.2.1") == 401:
        pass
    assert _status(judge, KEY, "192.0.2.1") == 200
    clock[0] += admission.REMEMBER_SECONDS + 1
    while _status(judge, UNKNOWN, "192.0.2.1") == 401:
        pass
    assert _status(judge, KEY, "192.0.2.1") == 200  # read again, though the address is at its end


def test_a_known_id_with_another_secret_is_a_guess() -> None:
    judge = _over(Keys())
    assert _status(judge, KEY, "192.0.2.1") == 200
    guesses = [_status(judge, KEY[:-1] + "x", "192.0.2.1") for _ in range(20)]
    assert guesses.count(401) == 2 * admission.UNKNOWN_KEYS_RATE


def test_right_keys_take_nothing_from_their_address() -> None:
    judge = _over(Keys())
    assert [_status(judge, KEY, "192.0.2.1") for _ in range(50)] == [200] * 50
    assert _status(judge, UNKNOWN, "192.0.2.1") == 401


def test_a_key_asks_at_its_rate(clock: list[float]) -> None:
    judge = _over(Keys(rate=2))
    assert [_status(judge, KEY, "") for _ in range(6)] == [200] * 4 + [429] * 2
    clock[0] += 0.5
    assert [_status(judge, KEY, "") for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("key", ["", "é" * 20, KEY + "\xa0", KEY + "é", "cat_\xb2" + KEY[5:]])
def test_what_is_no_key_is_told_so(key: str) -> None:
    assert _status(_over(Keys()), key, "") == 401

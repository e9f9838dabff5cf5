"""Figures as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.figures import ago, count, instant, length, number, size, span

NOW = datetime(2026, 11, 23, 17, 4, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (3.25, "3.2"), (9.0, "9"), (10.4, "10"), (1_234_567, "1,234,567")],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_counts() -> None:
    assert count(1, "record") == "1 record"
    assert count(2_000, "record") == "2,000 records"
    assert count(0, "copy", "copies") == "0 copies"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (23_400_000, "23 MB"), (7 * 10**12, "7.0 TB")],
)
def test_sizes(value: int, text: str) -> None:
    assert size(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "unknown"),
        (-1, "0 s"),
        (0.25, "0.2 s"),
        (9.99, "10 s"),
        (42.4, "42 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3_599.6, "1 h"),
        (7_500, "2 h 5 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_lengths_of_time(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


def test_instants_and_how_long_ago_they_were() -> None:
    assert instant(None) == ""
    assert instant(NOW.astimezone()) == "2026-11-23 17:04:59"
    assert ago(None, NOW) == "never"
    for seconds, text in ((0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7_300, "2 h")):
        assert ago(NOW - timedelta(seconds=seconds), NOW) == f"{text} ago"


def test_recordings_lengths() -> None:
    assert length(187_250) == "3:07.250"

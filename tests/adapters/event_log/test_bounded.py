"""Requests that may never return."""

from threading import Event

import pytest

from adapters.event_log.bounded import Unanswered, bounded


def test_a_request_that_never_returns_has_an_end() -> None:
    never = Event()
    try:
        with pytest.raises(Unanswered, match="no answer in 0 s"):
            bounded(never.wait, 0.01)
    finally:
        never.set()


def test_what_a_request_raises_is_raised() -> None:
    def refuse() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        bounded(refuse, 10)
    bounded(lambda: None, 10)

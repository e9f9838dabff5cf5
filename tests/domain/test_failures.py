"""Reasons that are kept: whole where they are short, bounded and storable whatever they quote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.failures import (
    LONGEST_REASON,
    NotMigrated,
    Unusable,
    bounded,
    reason_of,
)


def test_a_failure_of_ours_speaks_for_itself_and_anything_else_is_named() -> None:
    assert reason_of(Unusable("too long")) == "too long"
    assert reason_of(KeyError("id")) == "KeyError: 'id'"
    assert reason_of(NotMigrated()) == str(NotMigrated())
    assert "catalog migrate" in str(NotMigrated())


@pytest.mark.parametrize("length", [LONGEST_REASON - 1, LONGEST_REASON])
def test_a_short_reason_is_kept_whole(length: int) -> None:
    assert reason_of(Unusable("x" * length)) == "x" * length


def test_what_is_cut_off_is_counted() -> None:
    reason = bounded("x" * (LONGEST_REASON + 7))
    assert reason == "x" * LONGEST_REASON + " … and 7 characters more"


@given(st.text() | st.text(st.characters(categories=["Cs", "Cc"])))
def test_any_reason_can_be_stored(text: str) -> None:
    kept = bounded(text)
    assert "\0" not in kept
    kept.encode()


def test_what_cannot_be_stored_leaves_its_mark() -> None:
    assert bounded("a\0b") == "a\N{REPLACEMENT CHARACTER}b"
    assert bounded("a\udcffb").startswith("a\N{REPLACEMENT CHARACTER}")

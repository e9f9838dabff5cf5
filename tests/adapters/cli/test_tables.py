"""Tables fit the terminal, keep every word of a cell, and are lines of their own in a pipe."""

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from adapters.cli import tables
from adapters.cli.tables import Figure

HEADS = ("topic", "records", "size", "seen", "status")
ROWS: list[tuple[tables.Cell, ...]] = [
    ("catalog.track", 1234567, Figure("4.3 MB"), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "ok"),
    ("catalog.label", 7, None, None, "it forgets what is older than a week: set retention.ms"),
]


def test_numbers_stand_to_the_right() -> None:
    assert tables.lines(HEADS[:3], [row[:3] for row in ROWS], None) == [
        "topic            records    size",
        "catalog.track  1,234,567  4.3 MB",
        "catalog.label          7",
    ]


def test_a_pipe_gets_a_line_per_row_uncut() -> None:
    written = io.StringIO()
    tables.show(HEADS, ROWS, out=written)
    lines = written.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[2].endswith("it forgets what is older than a week: set retention.ms")


def test_the_last_column_is_wrapped_between_words() -> None:
    shown = tables.lines(HEADS, ROWS, 84)
    assert max(map(len, shown)) <= 84
    began = shown[0].index("status")
    assert " ".join(line[began:] for line in shown[2:]) == ROWS[1][-1]


def test_a_narrow_terminal_gets_a_block_per_row() -> None:
    assert tables.lines(HEADS, ROWS, 40) == [
        "topic    catalog.track",
        "records  1,234,567",
        "size     4.3 MB",
        "seen     2026-01-02 03:04:05",
        "status   ok",
        "",
        "topic    catalog.label",
        "records  7",
        "size",
        "seen",
        "status   it forgets what is older than a",
        "         week: set retention.ms",
    ]


def test_several_lines_of_a_cell_stay_in_their_column() -> None:
    assert tables.lines(("a", "b"), [("x\ny", "1\n2\n3"), ("z", "")], None) == [
        "a  b", "x  1", "y  2", "   3", "z",
    ]  # fmt: skip


def test_no_cell_moves_the_cursor() -> None:
    assert tables.lines(("title",), [("Red\x1b[2J\tSea",)], None) == [
        "title",
        "Red\ufffd[2J\ufffdSea",
    ]


@pytest.mark.parametrize("rows", [[], [("",)]])
def test_nothing_is_a_head(rows: list[tuple[str]]) -> None:
    assert tables.lines(("title",), rows, 80)[0] == "title"


words = st.lists(
    st.text(st.characters(categories=("Lu", "Ll", "Lo", "Nd")), min_size=1, max_size=12), max_size=9
)


@given(st.lists(st.tuples(words, words, words), max_size=5), st.integers(60, 140))
def test_every_word_is_shown_and_none_is_too_far_right(
    rows: list[tuple[list[str], list[str], list[str]]], width: int
) -> None:
    texts = [tuple(" ".join(cell) for cell in row) for row in rows]
    shown = tables.lines(("one", "two", "three"), texts, width)
    said = " ".join(shown)
    assert all(word in said for row in rows for cell in row for word in cell)
    assert max(map(cell_len, shown)) <= width

"""Pages of contradicting numbers: whole, without overlap, and the last says that it is."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from projections.catalog.queries.conflicts import conflict_page

NUMBERS = ["A", "B", "C", "D"]


def rows(_: str, asked: Mapping[str, Any]) -> list[Any]:
    """As the statement answers: a row of nulls where there is none."""
    values = [value for value in NUMBERS if value > asked["after"]][: asked["limit"]]
    found = [(1, json.dumps({"value": value}), value) for value in values]
    return found or [(1, None, None)]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_all_are_found_page_by_page(limit: int) -> None:
    found: list[str] = []
    after: str | None = ""
    pages = 0
    while after is not None:
        page = conflict_page(rows, "isrc", after, limit)
        found += [one["value"] for one in page.found]
        after = page.after
        pages += 1
    assert found == NUMBERS
    assert pages == -(-len(NUMBERS) // limit)


def test_none() -> None:
    page = conflict_page(rows, "isrc", "Z", 10)
    assert (list(page.found), page.after) == ([], None)

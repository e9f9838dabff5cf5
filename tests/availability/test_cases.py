"""Each row of `tests/cases/ern/availability.csv`: a message, a question, the right state."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.availability.asking import Asker

pytestmark = pytest.mark.integration
CASES = Path(__file__).parent.parent / "cases" / "ern"


def _rows() -> list[dict[str, str]]:
    with (CASES / "availability.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROWS = _rows()


@pytest.fixture(scope="module")
def asker(make_asker: Callable[[list[Path]], Asker]) -> Asker:
    return make_asker(sorted({CASES / row["file"] for row in ROWS}))


def _states(asker: Asker, row: dict[str, str]) -> list[Any]:
    value = row["value"]
    if value == "(first track)":
        value = "QZTST2403601"
    how = {name: row[name] for name in ("country", "at", "usage_types") if row[name]}
    matches = asker.look_up(row["scheme"], value, **how)
    return [match["availability"]["state"] for match in matches if match["availability"]]


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda r: "-".join((Path(r["file"]).stem, r["scheme"], r["country"], r["at"]))
)
def test_a_row(asker: Asker, row: dict[str, str]) -> None:
    (state,) = _states(asker, row)
    assert state in row["expected_state"].split("|")

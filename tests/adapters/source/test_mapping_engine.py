"""Any history of any of a set of mappings ends as a whole evaluation does."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.source import batch
from adapters.source.replica import RowChange
from tests.adapters.source.chain import Chain
from tests.adapters.source.music import CASES, COLUMNS, KEYS, source_of

pytestmark = pytest.mark.integration

EXAMPLES = 20

_SMALL = st.one_of(st.none(), st.integers(1, 3))
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "integer": _SMALL,
    "text": st.one_of(st.none(), st.sampled_from(["a", "b", "c", "4006381333931", "USRC17607839"])),
}


@st.composite
def row_changes(draw: st.DrawFn) -> RowChange:
    """A row that is inserted, updated or removed; few keys, so that histories meet."""
    table = draw(st.sampled_from(sorted(COLUMNS)))
    key = tuple(draw(st.integers(1, 3)) for _ in KEYS[table])
    if draw(st.integers(0, 3)) == 0:
        return RowChange(table, key, None)
    others = {c: t for c, t in COLUMNS[table].items() if c not in KEYS[table]}
    row = {c: draw(_VALUES[t]) for c, t in others.items()}
    unchanged = frozenset(c for c in row if draw(st.integers(0, 9)) == 0)
    row = {c: v for c, v in row.items() if c not in unchanged}
    return RowChange(table, key, row | dict(zip(KEYS[table], key, strict=True)), unchanged)


histories = st.lists(st.lists(row_changes(), min_size=1, max_size=12), min_size=1, max_size=4)


@pytest.mark.parametrize("name", CASES)
def test_any_history_equals_a_whole_evaluation(name: str, master_database: str) -> None:
    with closing(Chain(master_database, source_of(CASES[name]))) as chain:
        _hold(chain)


def _hold(chain: Chain) -> None:

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(histories)
    def holds(history: list[list[RowChange]]) -> None:
        chain.clear()
        replicated: dict[tuple[object, ...], dict[str, object]] = {}
        for changes in history:
            chain.apply(changes)
            _follow(replicated, changes)
            live, set_aside = chain.rows(), chain.unusable()
            chain.empty_master()
            with chain.connection.transaction():
                batch.apply_mappings(chain.connection, chain.source, chain.mappings)
            assert live == chain.rows()
            assert set_aside == chain.unusable()
        assert _replica(chain) == replicated

    holds()


def _follow(
    replicated: dict[tuple[object, ...], dict[str, object]], changes: Sequence[RowChange]
) -> None:
    for change in changes:
        at = (change.table, *change.key)
        before = replicated.get(at, {})
        if change.row is None:
            replicated.pop(at, None)
        else:
            kept = {c: before.get(c) for c in change.unchanged}
            replicated[at] = {c: {**change.row, **kept}[c] for c in COLUMNS[change.table]}


def _replica(chain: Chain) -> dict[tuple[object, ...], dict[str, object]]:
    found = {}
    for table, columns in COLUMNS.items():
        for values in chain.connection.execute(f"SELECT * FROM source_music.{table}"):
            row = dict(zip(columns, values, strict=True))
            found[(table, *(row[k] for k in KEYS[table]))] = row
    return found

"""Any history of any of a set of mappings ends as a whole evaluation does."""

from collections.abc import Sequence
from contextlib import closing
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adapters.source import batch
from adapters.source.replica import RowChange
from tests.adapters.source.chain import Chain
from tests.adapters.source.music import CASES, COLUMNS, KEYS, source_of

pytestmark = pytest.mark.integration

EXAMPLES = 20

Rows = dict[str, list[tuple[object, ...]]]

_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.sampled_from([1, 1, 2, 2, 3, None]),
    "text": st.sampled_from(["a", "a", "b", "b", "4006381333931", "USRC17607839", None]),
}


@st.composite
def rows_of(draw: st.DrawFn, table: str, key: tuple[int, ...]) -> RowChange:
    """A row that is inserted or updated."""
    others = {c: t for c, t in COLUMNS[table].items() if c not in KEYS[table]}
    row = {c: draw(_VALUES[t]) for c, t in others.items()}
    return RowChange(table, key, row | dict(zip(KEYS[table], key, strict=True)))


@st.composite
def row_changes(draw: st.DrawFn, tables: Sequence[str]) -> RowChange:
    """A row that is inserted, updated or removed; few keys, so that histories meet."""
    table = draw(st.sampled_from(tables))
    key = tuple(draw(st.integers(1, 3)) for _ in KEYS[table])
    if draw(st.integers(0, 3)) == 0:
        return RowChange(table, key, None)
    change = draw(rows_of(table, key))
    unchanged = {c for c in change.row or {} if c not in KEYS[table] and not draw(_SELDOM)}
    row = {c: v for c, v in (change.row or {}).items() if c not in unchanged}
    return RowChange(table, key, row, frozenset(unchanged))


_SELDOM = st.integers(0, 9)


@st.composite
def histories(draw: st.DrawFn, tables: Sequence[str]) -> list[list[RowChange]]:
    """Nearly full tables, so that joins meet, and then batches small and large."""
    first = [
        draw(rows_of(table, key))
        for table in tables
        for key in product((1, 2, 3), repeat=len(KEYS[table]))
        if draw(st.integers(0, 4))
    ]
    change = row_changes(tables)
    batches = st.lists(st.lists(change, min_size=1, max_size=8), min_size=2, max_size=5)
    return [first, *draw(batches)]


_UNSHRUNK = settings(
    max_examples=EXAMPLES,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
"""Each example is many transactions; shrinking would take minutes."""


@pytest.mark.parametrize("name", CASES)
def test_any_history_equals_a_whole_evaluation(name: str, master_database: str) -> None:
    with closing(Chain(master_database, source_of(CASES[name]))) as chain:
        _hold(chain)


def _hold(chain: Chain) -> None:
    @_UNSHRUNK
    @given(histories(sorted(chain.mappings[0].reads)))
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
            assert set_aside == chain.unusable()
            kept = {row[1] for row in set_aside}  # what fails keeps the row that it had
            assert _without(kept, live) == _without(kept, chain.rows())
        assert _replica(chain) == replicated

    holds()


def _without(ids: set[object], rows: Rows) -> Rows:
    return {master: [r for r in found if r[0] not in ids] for master, found in rows.items()}


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

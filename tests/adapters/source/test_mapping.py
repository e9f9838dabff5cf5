"""What is derived of a mapping's SELECT, and what is refused."""

import pytest

from adapters.source.definition import MappingFile
from adapters.source.mapping import MasterMapping, prepare
from domain.failures import Misconfigured
from tests.adapters.source.music import CASES, COLUMNS

TABLES = {table: list(columns) for table, columns in COLUMNS.items()}


def _prepared(text: str, **more: object) -> MasterMapping:
    return prepare(MappingFile("release", text, **more), TABLES)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CASES)
def test_all_tables_of_the_cases_are_derived_or_told(name: str) -> None:
    case = CASES[name]
    mapping = prepare(MappingFile(case.master, case.text, case.affects, case.whole), TABLES)
    assert mapping.underivable == {}
    assert mapping.affected.keys() == mapping.reads - case.whole


def test_the_changed_rows_stand_in_the_tables_place() -> None:
    mapping = _prepared(
        "SELECT 'r' || r.id AS id, c.name AS title FROM release r"
        " JOIN artist_credit c ON c.id = r.artist_credit WHERE r.barcode IS NOT NULL"
    )
    assert mapping.affected["artist_credit"] == (
        "SELECT CAST('r' || r.id AS TEXT) AS id FROM release AS r"
        ' JOIN "__changed__artist_credit" AS c ON c.id = r.artist_credit'
        " WHERE r.barcode IS NOT NULL",
    )
    assert mapping.indexes == {("release", "artist_credit"), ("artist_credit", "id")}
    assert mapping.id_index == ("release", "CAST('r' || id AS TEXT)")


def test_outer_joins_that_a_change_does_not_need_are_left_out() -> None:
    mapping = _prepared(
        "SELECT r.id, c.name AS title, m.position AS track_count FROM release r"
        " LEFT JOIN artist_credit c ON c.id = r.artist_credit"
        " LEFT JOIN medium m ON m.release = r.id WHERE m.position IS NULL"
    )
    assert mapping.affected["medium"] == (
        "SELECT CAST(r.id AS TEXT) AS id FROM release AS r"
        ' JOIN "__changed__medium" AS m ON m.release = r.id',
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SELECT id FROM release LIMIT 3", "LIMIT"),
        ("SELECT max(id) AS id FROM release", "aggregate"),
        ("SELECT title FROM release", "no column id"),
        ("SELECT r.id FROM medium m RIGHT JOIN release r ON r.id = m.release", "RIGHT JOIN"),
        ("SELECT r.id FROM release r FULL JOIN medium m ON r.id = m.release", "FULL JOIN"),
        ("SELECT r.id FROM release r NATURAL JOIN medium", "NATURAL"),
        ("SELECT r.id FROM release r LEFT JOIN (medium m JOIN track t ON true) ON true", "paren"),
        ("SELECT id, rank() OVER (ORDER BY title) AS track_count FROM release", "window"),
        ("SELECT DISTINCT ON (title) id, title FROM release", "DISTINCT ON"),
        ("SELECT coalesce(m.id, r.id) AS id FROM release r LEFT JOIN medium m ON true", "outer"),
        (
            "SELECT r.id FROM release r LEFT JOIN medium m ON m.id = (SELECT 1)",
            "subquery in a JOIN",
        ),
        (
            "WITH RECURSIVE x AS (SELECT id FROM release UNION SELECT id FROM x) SELECT id FROM x",
            "",
        ),
        (
            "SELECT r.id FROM release r LEFT JOIN (SELECT release FROM medium LIMIT 1) m"
            " ON m.release = r.id",
            "LIMIT",
        ),
        ("SELECT r.id FROM release r GROUP BY ROLLUP (r.id)", "ROLLUP"),
    ],
)
def test_what_cannot_be_derived_is_told_with_its_reason(text: str, why: str) -> None:
    try:
        mapping = _prepared(text)
    except Misconfigured:
        assert not why  # a recursive name is no table of the source
        return
    assert why
    assert mapping.underivable
    assert all(why.lower() in reason.lower() for reason in mapping.underivable.values())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("SELECT id FROM releases", "releases"),
        ("SELECT id FROM public.release", "without its schema"),
        ("DELETE FROM release", "one SELECT"),
        ("SELECT id FROM release; SELECT 1 AS id", "one SELECT"),
        ("SELECT id FROM release WHERE now() > '2020-01-01'", "differs each time"),
        ("SELECT id FROM release WHERE random() > 0.5", "differs each time"),
        ("SELECT FROM FROM", "can't be parsed"),
    ],
)
def test_what_is_no_mapping_is_refused(text: str, why: str) -> None:
    with pytest.raises(Misconfigured, match=why):
        _prepared(text)


def test_a_hint_must_read_the_changed_rows() -> None:
    with pytest.raises(Misconfigured, match="calls changed"):
        _prepared("SELECT id FROM release", affects={"release": "SELECT id FROM release"})

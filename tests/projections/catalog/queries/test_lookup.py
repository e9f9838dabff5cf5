"""What the lookup asks and answers, over rows that are given."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from domain.identifiers import UnknownScheme
from projections.catalog.queries import parts
from projections.catalog.queries.lookup import LOOKUP, MATCHES_LIMIT, asked, look_up, named

ENTRY = {"owner": "recording", "id": "C", "recording": {"title": "Song", "display_artist": "Band"}}

RELATED = {"relation": "HasReleaseComponent", "namespace": None, "release": {"id": "B"}}


class Rows:
    """Answers each number by its value, and keeps what was asked."""

    def __init__(self, found: Mapping[str, tuple[Any, ...]] | None = None) -> None:
        self.found = found or {}
        self.statements: list[str] = []
        self.values: list[str] = []

    def __call__(self, statement: str, parameters: Mapping[str, Any]) -> list[Any]:
        self.statements.append(statement)
        self.values = parameters["values"]
        nothing = (None, 0, None, None)
        return [
            (7, line, *self.found.get(value, nothing))
            for line, value in enumerate(self.values, start=1)
        ]


def test_an_answer_names_the_number_in_its_normal_form_and_what_it_stands_on() -> None:
    rows = Rows({"USSKG1912345": (json.dumps([ENTRY]), 1, None, json.dumps([RELATED]))})
    (answer,) = look_up(rows, [asked("ISRC", "us-skg-19-12345")])
    assert json.loads(answer.as_json()) == {
        "scheme": "isrc",
        "value": "USSKG1912345",
        "matches": [ENTRY],
        "truncated": False,
        "conflicts": [],
        "related": [RELATED],
    }
    assert (answer.generation, answer.matches()) == (7, [ENTRY])


def test_nothing_found_is_an_empty_list() -> None:
    (answer,) = look_up(Rows(), [asked("upc", "763331950658")])
    shown = json.loads(answer.as_json())
    assert (shown["scheme"], shown["value"], shown["matches"]) == ("gtin", "00763331950658", [])
    assert answer.broken_rule is None


def test_a_malformed_number_has_no_answer_unless_somebody_wrote_it() -> None:
    polluted = "00028948386765_DEF058400331_R1"
    number = asked("icpn", polluted)
    (answer,) = look_up(Rows(), [number])
    assert answer.broken_rule is not None
    assert "digits" in answer.broken_rule
    (answer,) = look_up(Rows({number.number.value: ("[{}]", 1, None, None)}), [number])
    assert answer.broken_rule is None


@pytest.mark.parametrize("raw", ["a\x00b", "a\udcffb"])
def test_what_no_database_holds_is_not_asked_for(raw: str) -> None:
    rows = Rows()
    (answer,) = look_up(rows, [asked("proprietary", raw)])
    assert rows.values == [""]
    assert answer.broken_rule


def test_answers_come_in_order_and_say_when_there_is_more() -> None:
    numbers = [f"USSKG{n:07}" for n in range(30)]
    more = MATCHES_LIMIT + 1
    rows = Rows(
        {n: ("[{}]", more if n == numbers[3] else 1, ["titles"], None) for n in numbers[::3]}
    )
    answers = look_up(rows, [asked("isrc", n) for n in numbers])
    assert [one.number.value for one in answers] == numbers
    assert [len(one.matches()) for one in answers] == [1, 0, 0] * 10
    assert [n for n, one in enumerate(answers) if one.truncated] == [3]
    assert answers[0].conflicts == ["titles"]


def test_another_generation_is_asked_by_the_same_statement() -> None:
    rows = Rows()
    look_up(rows, [asked("isrc", "USSKG1912345")], "catalog_g7")
    look_up(rows, [asked("isrc", "USSKG1912345")])
    other, live = rows.statements
    assert live == LOOKUP
    assert "catalog." not in other
    assert other.replace('"catalog_g7".', f"{parts.LIVE}.") == live


def test_an_entry_is_named_by_what_the_number_stands_on() -> None:
    assert named(ENTRY) == ("Song", "Band")
    track = {"title": "Song", "version_title": "Live", "display_artist": None}
    assert named({"owner": "track", "id": "T", "track": track}) == ("Song (Live)", "")
    assert named({"owner": "party", "party": {"party": {"name": "Big Music"}}})[0] == "Big Music"


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(UnknownScheme):
        asked("isbn", "1")

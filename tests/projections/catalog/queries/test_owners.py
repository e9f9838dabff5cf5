"""Answers of the lookup, over an index in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from domain.identifiers import Identifier, UnknownScheme
from projections.catalog.queries.owners import BATCH, LIST_LIMIT, MatchRow, look_up, look_up_all


@dataclass
class Index:
    """Finds by scheme and normal form, and counts how often it was asked."""

    rows: dict[tuple[str, str], list[MatchRow]] = field(default_factory=dict)
    asked: int = 0

    def add(self, scheme: str, value: str, owner: str, id_: str, **more: object) -> None:
        row = MatchRow(0, owner, id_, "Title", None, "Artist", "R", "Release", "active", True, None,
                       value, None, None, None)  # fmt: skip
        self.rows.setdefault((scheme, value), []).append(row._replace(**more))  # type: ignore[arg-type]

    def matches(self, asked: Sequence[Identifier]) -> list[MatchRow]:
        self.asked += 1
        return [
            row._replace(line=line)
            for line, number in enumerate(asked, start=1)
            for row in self.rows.get((number.scheme, number.value), [])
        ]


def test_an_answer_names_the_number_in_its_normal_form_and_all_owners() -> None:
    index = Index()
    index.add("isrc", "USSKG1912345", "recording", "c")
    index.add("isrc", "USSKG1912345", "track", "t2")
    index.add("isrc", "USSKG1912345", "track", "t1")
    answer = look_up(index, "ISRC", "us-skg-19-12345").as_json()
    assert (answer["scheme"], answer["value"]) == ("isrc", "USSKG1912345")
    assert [(m["owner"], m["id"]) for m in answer["matches"]] == [
        ("track", "t1"),
        ("track", "t2"),
        ("recording", "c"),
    ]
    assert answer["matches"][0] == {
        "owner": "track",
        "id": "t1",
        "title": "Title",
        "version": None,
        "artist": "Artist",
        "release_id": "R",
        "release_title": "Release",
        "status": "active",
        "valid": True,
        "flaw": None,
        "raw": "USSKG1912345",
        "namespace": None,
    }
    assert "error" not in answer


def test_nothing_found_is_an_empty_list() -> None:
    answer = look_up(Index(), "upc", "763331950658").as_json()
    assert answer == {"scheme": "gtin", "value": "00763331950658", "matches": []}


def test_a_malformed_number_is_an_error_unless_somebody_wrote_it() -> None:
    index = Index()
    polluted = "00028948386765_DEF058400331_R1"
    answer = look_up(index, "icpn", polluted)
    assert answer.error
    assert "digits" in answer.as_json()["error"]
    index.add("gtin", polluted, "release", "r", valid=False, flaw="a flaw")
    answer = look_up(index, "icpn", polluted)
    assert answer.error is None
    assert [(m.id, m.valid) for m in answer.matches] == [("r", False)]


@pytest.mark.parametrize("raw", ["a\x00b", "a\udcffb", ""])
def test_what_no_database_holds_is_not_asked_for(raw: str) -> None:
    index = Index()
    answer = look_up(index, "proprietary", raw)
    assert answer.error
    answer.as_json()["value"].encode()
    assert index.asked == (raw == "")


def test_an_owner_is_named_once_with_its_well_written_number() -> None:
    index = Index()
    for raw, valid in (("0763331950658", False), ("763331950658", True), ("bad", False)):
        index.add("gtin", "00763331950658", "release", "r", raw=raw, valid=valid)
    (match,) = look_up(index, "gtin", "763331950658").matches
    assert (match.raw, match.valid) == ("763331950658", True)


def test_many_numbers_are_answered_in_order_and_a_batch_at_a_time() -> None:
    index = Index()
    numbers = [f"USSKG{n:07}" for n in range(2 * BATCH + 1)]
    for number in numbers[::3]:
        index.add("isrc", number, "track", f"t{number}")
    numbers[7] = "no isrc"
    numbers[8] = "\x00"
    answers = list(look_up_all(index, [("isrc", number) for number in numbers]))
    assert [answer.value for answer in answers] == numbers
    assert [a.matches[0].id if a.matches else None for a in answers] == [
        f"t{number}" if i % 3 == 0 else None for i, number in enumerate(numbers)
    ]
    assert [i for i, answer in enumerate(answers) if answer.error] == [7, 8]
    assert index.asked == 3


def test_a_party_shows_its_labels_and_releases_and_says_when_there_are_more() -> None:
    index = Index()
    items: list[dict[str, str | None]] = [{"id": str(i)} for i in range(LIST_LIMIT + 1)]
    index.add("dpid", "PADPIDA2007050901U", "party", "p", labels=None, releases=items)
    (match,) = look_up(index, "dpid", "PADPIDA2007050901U").as_json()["matches"]
    assert (match["labels"], match["labels_truncated"]) == ([], False)
    assert (len(match["releases"]), match["releases_truncated"]) == (LIST_LIMIT, True)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(UnknownScheme):
        look_up(Index(), "isbn", "1")

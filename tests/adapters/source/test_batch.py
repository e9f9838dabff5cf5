"""What one batch does: only what differs, bounded, and by the product's own rules."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest

from adapters.source import batch
from adapters.source.replica import RowChange
from tests.adapters.source.chain import Chain
from tests.adapters.source.music import CASES, Case, source_of

pytestmark = pytest.mark.integration

FANNED_OUT = 100_000
MOST_MEMORY = 300 << 20


@pytest.fixture
def chain(master_database: str) -> Iterator[Chain]:
    cases = (CASES["three tables"], CASES["one to one"], CASES["union"])
    with closing(Chain(master_database, source_of(*cases))) as opened:
        yield opened


def artist(number: int, name: str) -> RowChange:
    return RowChange("artist_credit", (number,), {"id": number, "name": name})


def release(number: int, barcode: str | None = None) -> RowChange:
    row = {"id": number, "gid": None, "title": "T", "artist_credit": 1, "barcode": barcode}
    return RowChange("release", (number,), row)


def medium(number: int, of: int) -> RowChange:
    return RowChange("medium", (number,), {"id": number, "release": of, "position": 1})


def track(number: int, on: int, isrc: str | None = None) -> RowChange:
    row = {"id": number, "medium": on, "position": 1, "name": "N", "artist_credit": 1, "isrc": isrc}
    return RowChange("track", (number,), row)


ALBUM = [artist(1, "A"), release(1, "4006381333931"), medium(1, 1), track(1, 1, "us-rc1-76-07839")]


def test_only_what_differs_is_written(chain: Chain) -> None:
    assert chain.apply(ALBUM) == Counter(
        {"release inserted": 1, "track inserted": 1, "identifier inserted": 2}
    )
    assert chain.apply(ALBUM) == Counter()
    assert chain.apply([artist(1, "B")]) == Counter({"track updated": 1})
    assert chain.apply([release(2), medium(1, 2)]) == Counter(
        {"release inserted": 1, "track updated": 1}
    )
    assert chain.apply([RowChange("medium", (1,), None)]) == Counter(
        {"track deleted": 1, "identifier deleted": 1}
    )


def test_a_truncated_table_is_empty_but_for_what_came_after(chain: Chain) -> None:
    chain.apply([*ALBUM, release(2), release(3)])
    truncated = RowChange("release", (), None)
    assert chain.apply([release(4), truncated, release(2), release(5)]) == Counter(
        {
            "release deleted": 2,
            "release inserted": 1,
            "track deleted": 1,
            "identifier deleted": 1,
        }
    )
    assert chain.apply([truncated]) == Counter({"release deleted": 2})


def test_identifiers_are_judged_by_the_products_rules(chain: Chain) -> None:
    chain.apply(
        [*ALBUM, release(2, "4006381333932"), release(3, "  "), release(4, "0000000000000")]
    )
    found = chain.connection.execute(
        "SELECT id, scheme, value_raw, value, is_valid, flaw IS NULL FROM identifier ORDER BY id"
    ).fetchall()
    assert found[0] == ("i1", "isrc", "us-rc1-76-07839", "USRC17607839", True, True)
    assert found[1] == ("u1", "gtin", "4006381333931", "04006381333931", True, True)
    assert [(row[0], row[4], row[5]) for row in found[2:]] == [
        ("u2", False, False),
        ("u4", False, False),
    ]


def test_a_row_at_fault_holds_up_no_other(master_database: str) -> None:
    case = Case("release", "SELECT id, (6 / artist_credit)::text AS title FROM release")
    with closing(Chain(master_database, source_of(case))) as chain:
        rows = [release(n) for n in range(1, 50)]
        wrong = RowChange("release", (50,), {**(rows[0].row or {}), "id": 50, "artist_credit": 0})
        assert chain.apply([*rows, wrong]) == Counter(
            {"release inserted": 49, "release unusable": 1}
        )
        assert chain.unusable() == [("release", "50")]
        assert chain.apply([release(50)]) == Counter({"release inserted": 1})
        assert chain.unusable() == []


def test_rows_of_others_stay(chain: Chain) -> None:
    chain.connection.execute("INSERT INTO release (id, message_id) VALUES ('r9', 'feed:1')")
    chain.apply(ALBUM)
    with chain.connection.transaction():
        assert batch.apply_mappings(chain.connection, chain.source, chain.mappings) == Counter()
    assert [row[0] for row in chain.rows()["release"]] == ["r1", "r9"]


def test_a_parent_of_many_is_applied_in_bounded_memory(chain: Chain) -> None:
    chain.apply(ALBUM[:3])
    chain.connection.execute(
        "INSERT INTO source_music.track SELECT n, 1, n, 'N', 1, NULL FROM generate_series(1, %s) n",
        (FANNED_OUT,),
    )
    with chain.connection.transaction():
        batch.apply_mappings(chain.connection, chain.source, chain.mappings)
    before = psutil.Process().memory_info().rss
    assert chain.apply([artist(1, "B")]) == Counter({"track updated": FANNED_OUT})
    assert psutil.Process().memory_info().rss - before < MOST_MEMORY

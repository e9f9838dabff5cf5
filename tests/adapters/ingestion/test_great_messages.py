"""Messages of thousands of tracks and hundreds of territories are read without being held whole."""

import tracemalloc
from io import BytesIO

import pytest
from lxml import etree

from adapters.ingestion.ern import terms
from adapters.ingestion.ern.document import parse
from adapters.ingestion.ern.message import read
from adapters.ingestion.ern.rows import Rows
from adapters.ingestion.master.frames import frames_of
from bench import messages
from domain.failures import Unusable
from domain.territories import COUNTRIES
from tests.adapters.ingestion.messages import album, deal, single_38

LIMIT = 1 << 26
CODES = sorted(COUNTRIES)[:240]


def rows(content: bytes) -> Rows:
    [statement] = read(content, LIMIT).statements
    return statement.rows


def all_rows(content: bytes) -> dict[str, list[dict[str, object]]]:
    found = rows(content)
    return {table: found.of(table) for table in found}


def test_the_elements_of_a_list_are_handed_over_whole_and_in_order() -> None:
    item = "<x:item n='{0}'><x:a>{0}</x:a>{1}</x:item>\n"
    body = "".join(item.format(n, "<x:b>wide</x:b>" * 200) for n in range(300))
    content = f"<x:r xmlns:x='u'><x:c/><x:list>{body}</x:list><x:d/></x:r>".encode()
    given: list[tuple[str | None, str | None, int]] = []

    def take(element: etree._Element) -> int:
        given.append((element.get("n"), element.findtext("a"), len(element.findall("b"))))
        return 0

    # Some 60,000 nodes, of which less than a piece's worth is ever held.
    root = parse(BytesIO(content), LIMIT, most_nodes=10_000, lists={"list": take})
    assert given == [(str(n), str(n), 200) for n in range(300)]
    assert [(e.tag, len(e)) for e in root] == [("c", 0), ("list", 0), ("d", 0)]


def test_what_is_kept_of_a_list_counts_as_held() -> None:
    content = b"<r><list>" + b"<a/>" * 50_000 + b"</list></r>"
    with pytest.raises(Unusable, match="more than 20000 elements"):
        parse(content, LIMIT, most_nodes=20_000, lists={"list": lambda _: 1})


def test_a_list_may_stand_before_what_it_refers_to() -> None:
    content = album().decode()
    start, end = content.index("<DealList>"), content.index("</DealList>") + len("</DealList>")
    moved = content[:start] + content[end:]
    moved = moved.replace("<PartyList>", content[start:end] + "<PartyList>")
    assert all_rows(moved.encode()) == all_rows(content.encode())


def test_territories_that_details_name_beside_the_first_make_no_difference() -> None:
    content = single_38(deal_terms="<TerritoryCode>DE</TerritoryCode><UseType>Stream</UseType>")
    many = "".join(f"<TerritoryCode>{code}</TerritoryCode>" for code in ["DE", *CODES])
    one = b"ByTerritory><TerritoryCode>DE</TerritoryCode>"
    assert content.count(one) == 1
    wide = content.replace(one, b"ByTerritory>" + many.encode())
    assert all_rows(wide) == all_rows(content)


def _one_deal_per_territory(tracks: int) -> bytes:
    """All releases of a message have a deal for each territory: they multiply."""
    whole = messages.message(0, tracks, ["DE"])
    terms = (
        "<Deal><DealTerms><TerritoryCode>{}</TerritoryCode><CommercialModelType>SubscriptionModel"
        "</CommercialModelType><UseType>Stream</UseType></DealTerms></Deal>"
    )
    named = "".join(f"<DealReleaseReference>R{n}</DealReleaseReference>" for n in range(tracks + 1))
    deals = "".join(terms.format(code) for code in CODES)
    head = whole[: whole.index("<DealList>")]
    deals = f"<DealList><ReleaseDeal>{named}{deals}</ReleaseDeal></DealList>"
    return f"{head}{deals}</ern:NewReleaseMessage>".encode()


def test_deals_that_multiply_are_made_as_they_are_written() -> None:
    content = _one_deal_per_territory(100)
    tracemalloc.start()
    try:
        found = rows(content)
        written = sum(frame.height for frame in frames_of("deal", found.each("deal")))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert written == 101 * len(CODES)
    assert peak < 12e6, "24,000 rows as dictionaries are 30 MB"


def test_a_small_message_of_more_deals_than_a_disk_holds_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(terms, "MOST_ROWS", 2_000)
    assert read(_one_deal_per_territory(5), LIMIT).statements
    with pytest.raises(Unusable, match="its deals are more than 2000"):
        read(_one_deal_per_territory(10), LIMIT)


def test_deals_come_out_the_same_whenever_they_are_asked_for() -> None:
    given = "<TerritoryCode>{}</TerritoryCode><UseType>Stream</UseType>"
    deals = deal(given.format("DE"), "R0", "R1") + deal(given.format("never"), "R0")
    found = rows(album(deals=deals))
    assert found.of("deal") == found.of("deal")
    assert len({row["id"] for row in found.of("deal")}) == 3
    assert [r["value_raw"] for r in found.of("flaw") if "deal" not in str(r["rule"])] == ["never"]

"""What needs no database: parameters, cursors, validators, compression, the document."""

import gzip
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.api.cursors import read_cursor, write_cursor
from adapters.api.parameters import AvailabilityParameters, ChangesParameters, read_query
from adapters.api.problems import Problem
from adapters.api.responses import Response, render
from domain.identifiers import is_placeholder
from projections.catalog.queries.lookup import asked


@pytest.mark.parametrize(
    "query",
    [
        b"nope=1",
        b"country=DE&country=FR",
        b"country=Germany",
        b"country=",
        b"usage_types=download,radio",
        b"at=yesterday",
        b"at=2026-01-01T00:00:00",
        b"limit=0",
        b"limit=201",
        b"limit=ten",
        b"limit=1e2",
        b"limit=5.0",
        b"limit=null",
        b"limit=%2B5",
        b"limit=" + b"9" * 30,
        b"limit=%D9%A5",
        b"at=null",
        b"at=5",
        b"at=1767225600",
        b"at=1e9",
        b"at=0001-01-01T00:00:00%2B00:01",
        b"at=9999-12-31T23:59:59-00:01",
        b"updated_since=true",
        b"label=%00",
        b"country=%ff%ff",
        b"&&",
    ],
)
def test_parameters_that_are_not_as_declared_are_refused(query: bytes) -> None:
    with pytest.raises(Problem) as refused:
        read_query(query, ChangesParameters)
    assert refused.value.status == 400
    assert refused.value.members["detail"]


@pytest.mark.parametrize(("country", "says"), [("UK", "GB"), ("XX", "ISO 3166"), ("EU", "ISO")])
def test_a_country_that_there_is_none_of_is_refused(country: str, says: str) -> None:
    with pytest.raises(Problem) as refused:
        read_query(f"country={country}".encode(), AvailabilityParameters)
    assert refused.value.status == 400
    assert says in str(refused.value.members["detail"])


def test_a_part_of_a_country_has_its_country_s_zone() -> None:
    found = read_query(b"country=us-ny", AvailabilityParameters).as_sql()
    assert (found["country"], found["zone"]) == ("US-NY", "America/New_York")
    query = read_query(b"country=US", AvailabilityParameters)
    assert query.as_sql({"US": "America/Chicago"})["zone"] == "America/Chicago"


def test_availability_is_read() -> None:
    found = read_query(
        b"country=de&usage_types=download,subscription_stream&at=2026-01-01T01:00:00%2B01:00",
        AvailabilityParameters,
    ).as_sql()
    assert found["country"] == "DE"
    assert found["usages"] == ["download", "subscription_stream"]
    assert found["at"].isoformat() == "2026-01-01T00:00:00+00:00"


@given(st.integers(-23 * 60 - 59, 23 * 60 + 59))
def test_an_instant_is_kept_in_utc_whatever_its_offset(minutes: int) -> None:
    """PostgreSQL refuses offsets beyond 15:59, and with them a statement that others share."""
    sign, (hours, rest) = "-" if minutes < 0 else "%2B", divmod(abs(minutes), 60)
    query = f"at=2026-03-01T12:00:00{sign}{hours:02}:{rest:02}"
    at = read_query(query.encode(), AvailabilityParameters).as_sql()["at"]
    assert at.utcoffset() == timedelta(0)
    assert at == datetime(2026, 3, 1, 12, tzinfo=UTC) - timedelta(minutes=minutes)


@given(st.dictionaries(st.integers(0, 100), st.integers(0, 2**62)), st.text())
def test_a_cursor_gives_back_its_position_to_its_own_query_only(
    position: dict[int, int], label: str
) -> None:
    cursor = write_cursor(position, ("changes", label))
    assert read_cursor(cursor, ("changes", label), dict[int, int]) == position
    with pytest.raises(Problem, match="another query"):
        read_cursor(cursor, ("changes", label + "x"), dict[int, int])


@given(st.text())
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Problem, match="cursor"):
        read_cursor(cursor, (), dict[int, int])


@pytest.mark.parametrize("text", ["\0", "a\0b", "\x1b"])
def test_a_cursor_that_someone_made_up_holds_nothing_that_no_database_takes(text: str) -> None:
    with pytest.raises(Problem, match="none that a page has given"):
        read_cursor(write_cursor(text, ("label", "B")), ("label", "B"), str)


@given(st.integers(0, 10**11 - 1))
def test_the_forms_of_a_barcode_are_one_number(digits: int) -> None:
    body = f"{digits:011}"
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(body))
    upc = f"{body}{-total % 10}"
    ways = [
        asked(scheme, form).number
        for scheme in ("upc", "EAN", "gtin", "icpn")
        for form in (upc, f"0{upc}", f"00{upc}", f" {upc[:6]} {upc[6:]} ")
    ]
    is_number = not is_placeholder(ways[0])
    assert {(n.scheme, n.value, n.is_valid) for n in ways} == {("gtin", f"00{upc}", is_number)}


@given(st.binary(max_size=5000), st.sampled_from([b"gzip", b"gzip;q=0", b"br", b"*", b""]))
def test_an_answer_comes_back_whole_and_is_not_sent_again(body: bytes, accepted: bytes) -> None:
    answer = Response(body, generation=3)
    status, sent, content = render(answer, {b"accept-encoding": accepted})
    headers = dict(sent)
    is_packed = headers.get(b"content-encoding") == b"gzip"
    assert status == 200
    assert headers[b"catalog-generation"] == b"3"
    assert is_packed == (len(body) >= 1024 and accepted in (b"gzip", b"*"))
    assert (gzip.decompress(content) if is_packed else content) == body
    for asked_for in (headers[b"etag"], b'"x", ' + headers[b"etag"], b"*"):
        status, _, content = render(answer, {b"if-none-match": asked_for})
        assert (status, content) == (304, b"")
    assert render(answer, {b"if-none-match": b'W/"other"'})[0] == 200


def test_problems_are_never_kept() -> None:
    _, headers, _ = render(Response(b"{}", status=404), {})
    assert dict(headers)[b"cache-control"] == b"no-store"
    assert b"etag" not in dict(headers)

"""Text columns: what can be read, and what becomes a validation error."""

from datetime import UTC, datetime

import polars as pl
import pytest

from adapters.ingestion.feeds.columns import Columns, Terms, price_json, text_frame


def columns(**values: list[str | None]) -> Columns:
    size = len(next(iter(values.values())))
    frame = pl.DataFrame(
        {"id": [str(n) for n in range(size)], **values},
        schema={"id": pl.String, **dict.fromkeys(values, pl.String)},
    )
    return Columns(frame, "track", "")


@pytest.mark.parametrize(
    ("reader", "written", "read"),
    [
        ("whole_number", ["7", "0", "7.4", "-1", "1e99", "nan", "x", None], [7, 0, 7] + [None] * 5),
        ("fraction", ["0.5", "-1", "inf", "x", None], [0.5, -1.0, None, None, None]),
        ("amount", ["7.99", "7", "7,99", "-1", "1.2345678", None], ["7.99", "7"] + [None] * 4),
        ("warning", ["true", "FALSE", "0", "maybe", None],
         ["Explicit", "NotExplicit", "NotExplicit", None, None]),
        ("instant", ["2014-01-31", "2014-01-31T12:00:00+02:00", "31.1.2014", None],
         [datetime(2014, 1, 31, tzinfo=UTC), datetime(2014, 1, 31, 10, tzinfo=UTC), None, None]),
    ],
)  # fmt: skip
def test_reads_or_flags(reader: str, written: list[str | None], read: list[object]) -> None:
    found = columns(c=written)
    assert getattr(found, reader)("c").to_list() == read
    bad = [w for w, r in zip(written, read, strict=True) if w is not None and r is None]
    assert found.all_errors()["value_raw"].to_list() == bad


def test_an_identifier_keeps_its_raw_value_and_its_error() -> None:
    found = columns(c=["gb-lf9-26-90001", "nonsense", None])
    rows = found.identifiers("c", "isrc", "recording")
    assert rows.select("value_raw", "value", "is_valid").rows() == [
        ("gb-lf9-26-90001", "GBLF92690001", True),
        ("nonsense", "nonsense", False),
    ]
    assert found.all_errors().select("owner_id", "rule").rows() == [("2", "is missing")]


def test_lists_are_trimmed_without_repetition() -> None:
    assert columns(c=["pop, rock,,pop ", None, ","]).parts("c").to_list() == [
        ["pop", "rock"], None, [],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("price", "rrp", "said"),
    [
        ("1.00", "2.00", '[{"amount":"1.00","currency":"EUR","kind":"retail"},'
                         '{"amount":"2.00","currency":"EUR","kind":"suggested_retail"}]'),
        (None, "2.00", '[{"amount":"2.00","currency":"EUR","kind":"suggested_retail"}]'),
        (None, None, None),
    ],
)  # fmt: skip
def test_prices(price: str | None, rrp: str | None, said: str | None) -> None:
    def one(value: str | None) -> pl.Series:
        return pl.Series([value], dtype=pl.String)

    assert price_json(one(price), one(rrp), Terms(currency="EUR")).to_list() == [said]


def test_absent_columns_and_empty_texts_are_null() -> None:
    frame = text_frame(("b", "a"), [[" x ", ""]], ("a", "b", "c"), "b")
    assert frame.to_dicts() == [{"a": None, "b": "x", "c": None, "id": "x"}]

"""Events in, rows out: every event type, every column, no row by itself."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.event_log.avro.columns import frame_schema
from domain.events import EVENT_TYPES, SUBJECTS, Effect, Event
from domain.schemas import contract_of
from projections.catalog import CATALOG
from projections.catalog.tables.deal import prices_as_json
from projections.engine.columns import conform, schema_of
from projections.read_model import EVENT_COLUMNS, REMOVED, Projection

BY_SUBJECT = {projection.subject: projection for projection in CATALOG.projections}
NO_STATE = {field.name for field in fields(Event)} - {"id"}
PRICE = pl.Struct(
    {
        "amount": pl.Decimal(18, 6),
        "currency": pl.String,
        "code": pl.String,
        "namespace": pl.String,
        "kind": pl.String,
    }
)


def frame(event: type[Event], rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Make the columns that decoded events of this type have."""
    columns = frame_schema(contract_of(event).newest.schema)
    schema: dict[str, Any] = {**columns, "_partition": pl.Int32, "_offset": pl.Int64}
    full = [
        {
            "event_id": f"master.public.x/0/{i}/0",
            "origin": {"table": "x", "position": str(i)},
            "changed": [],
            "_partition": 2,
            "_offset": i,
        }
        | row
        for i, row in enumerate(rows)
    ]
    return pl.DataFrame(full, schema=schema)


def test_every_subject_has_a_table_and_every_event_a_handler() -> None:
    assert list(BY_SUBJECT) == list(SUBJECTS)
    for subject, projection in BY_SUBJECT.items():
        events = {e.__name__ for e in EVENT_TYPES if subject == e.SUBJECT}
        assert set(projection.handlers) == events


@pytest.mark.parametrize("projection", CATALOG.projections, ids=lambda p: str(p.subject))
def test_columns_are_the_state_of_the_events(projection: Projection) -> None:
    event = next(e for e in EVENT_TYPES if projection.subject == e.SUBJECT)
    state = {field.name for field in fields(event)} - NO_STATE
    times = {"updated_at"} if projection.subject == "release" else set()
    assert {column.name for column in projection.sql.columns} == state | times | set(EVENT_COLUMNS)


@pytest.mark.parametrize("event", EVENT_TYPES, ids=lambda e: str(e.__name__))
def test_rows_of_each_event_type(event: type[Event]) -> None:
    projection = BY_SUBJECT[event.SUBJECT]
    handler = projection.handlers[event.__name__]
    rows = handler(frame(event, [{"id": "a"}, {"id": "b"}]))
    assert rows.columns == [column.name for column in projection.sql.columns] + [REMOVED]
    assert rows["id"].to_list() == ["a", "b"]
    assert rows["event_id"].to_list() == ["master.public.x/0/0/0", "master.public.x/0/1/0"]
    assert rows["event_partition"].to_list() == [2, 2]
    assert rows["event_offset"].to_list() == [0, 1]
    assert rows[REMOVED].to_list() == [event.EFFECT is Effect.REMOVAL] * 2
    assert rows.schema["event_partition"] == pl.Int32
    assert handler(frame(event, [])).schema == rows.schema


def test_what_no_table_shows_need_not_be_decoded() -> None:
    read = BY_SUBJECT["track"].fields
    assert read is not None
    assert {"title", "event_id", "_offset"} < read
    assert read.isdisjoint({"origin", "changed"})
    unknown = {"TrackMoved": lambda events: events}
    assert replace(BY_SUBJECT["track"], handlers=unknown).fields is None


def test_values_of_all_kinds_arrive() -> None:
    (release,) = (e for e in EVENT_TYPES if e.__name__ == "ReleaseAdded")
    added = datetime(2004, 5, 12, 17, 36, 28, 300_000, tzinfo=UTC)
    values = {
        "id": "17",
        "title": "Où est la fête ? 🎧",
        "release_year": 2008,
        "original_release_date": added.date(),
        "added_at": added,
        "duration_ms": 4_128_000,
        "tags": ["rock", "pop, not jazz"],
        "status": "active",
    }
    row = (
        BY_SUBJECT["release"].handlers["ReleaseAdded"](frame(release, [values])).row(0, named=True)
    )
    assert {name: row[name] for name in values} == values


def test_a_number_that_its_column_cannot_hold_is_an_error() -> None:
    (track,) = (e for e in EVENT_TYPES if e.__name__ == "TrackAdded")
    projection = BY_SUBJECT["track"]
    rows = projection.handlers["TrackAdded"](frame(track, [{"id": "1", "duration_ms": 2**31}]))
    with pytest.raises(pl.exceptions.InvalidOperationError, match="duration_ms"):
        conform(rows, schema_of(projection), "a test")


prices = st.lists(
    st.fixed_dictionaries(
        {
            "amount": st.none() | st.decimals(-(10**9), 10**9, places=6),
            "currency": st.none() | st.sampled_from(["EUR", "GBP"]),
            "code": st.none() | st.text(),
            "namespace": st.none() | st.sampled_from(['"code":null', ',"kind":null', '\\"', ""]),
            "kind": st.none() | st.text(max_size=3),
        }
    ),
    max_size=3,
)


@given(st.lists(st.none() | prices, max_size=4))
def test_prices_become_json_without_losing_anything(deals: list[Any]) -> None:
    told = pl.DataFrame({"prices": deals}, schema={"prices": pl.List(PRICE)})
    written = told.select(prices_as_json(pl.col("prices")).alias("prices"))["prices"].to_list()
    read = [text if text is None else json.loads(text) for text in written]
    for price in (price for deal in read for price in deal or []):
        if "amount" in price:
            assert len(price["amount"].partition(".")[2]) in range(2, 7)
            price["amount"] = Decimal(price["amount"])
    assert read == [
        deal and [{k: v for k, v in price.items() if v is not None} for price in deal]
        for deal in deals
    ]


def test_prices_read_as_they_are_written_by_people() -> None:
    deals = [[{"amount": Decimal(a)} for a in ("7.99", "7.9", "100", "0.1234", "10.505000")]]
    told = pl.DataFrame({"prices": deals}, schema={"prices": pl.List(PRICE)})
    (text,) = told.select(prices_as_json(pl.col("prices")).alias("prices"))["prices"]
    amounts = [price["amount"] for price in json.loads(text)]
    assert amounts == ["7.99", "7.90", "100.00", "0.1234", "10.505"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.text(max_size=5))))
def test_a_batch_is_its_events_one_by_one(events: list[tuple[str, str | None]]) -> None:
    (label,) = (e for e in EVENT_TYPES if e.__name__ == "LabelUpdated")
    handler = BY_SUBJECT["label"].handlers["LabelUpdated"]
    batch = frame(label, [{"id": id_, "name": name} for id_, name in events])
    singles = [handler(batch[i : i + 1]) for i in range(len(events))]
    assert handler(batch).equals(pl.concat([handler(batch[:0]), *singles]))

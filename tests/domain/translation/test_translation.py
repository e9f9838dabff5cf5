"""Any history of rows, translated and folded, is the table's last state."""

from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from domain.changes import UNCHANGED, Change, Coordinates, Operation
from domain.events import EVENT_TYPES, Event, Price
from domain.events.download import DownloadOfferChanged, DownloadOffered, DownloadWithdrawn
from domain.events.event import Effect
from domain.events.release import (
    ReleaseAdded,
    ReleasePurged,
    ReleaseTakenDown,
    ReleaseUpdated,
)
from domain.events.streaming import StreamingRightGranted, StreamingRightWithdrawn
from domain.events.track import TrackAdded, TrackRemoved, TrackUpdated
from domain.translation import TRANSLATIONS, Translation, Untranslatable, translate
from domain.translation.deal import prices_of
from domain.translation.row import state_fields
from domain.uses import is_download
from tests.domain.translation.histories import content, fold, histories

History = tuple[Translation, list[Change], dict[str, dict[str, Any]]]


def change(
    table: str, operation: Operation, before: Any = None, after: Any = None, key: str = "1"
) -> Change:
    return Change(
        table=table,
        operation=operation,
        key={"id": key},
        before=before,
        after=after,
        coordinates=Coordinates(topic=f"master.public.{table}", partition=2, offset=7),
        position="A-B",
        transaction="759",
        committed_at=None,
    )


def expected(translation: Translation, table: dict[str, dict[str, Any]]) -> Any:
    held = {}
    for key, row in table.items():
        subject = translation.state.SUBJECT
        if translation.table == "release" and row["status"] == "purged":
            continue
        if translation.table == "deal":
            subject = "download" if is_download(row["use_type"]) else "streaming"
            row = {**row, "prices": row["prices"] and prices_of(row["prices"])}  # noqa: PLW2901
        held[subject, key] = row
    return held


@given(histories())
def test_folding_the_events_gives_the_tables_last_state(history: History) -> None:
    translation, changes, table = history
    events = [event for change in changes for event in translate(change)]
    assert fold(events) == expected(translation, table)
    ids = [event.event_id for event in events]
    assert len(set(ids)) == len(ids)


@given(histories(knows_before=False))
def test_updates_without_before_fold_right_too(history: History) -> None:
    translation, changes, table = history
    assert fold(e for change in changes for e in translate(change)) == expected(translation, table)


@given(histories())
def test_changed_names_what_differs_and_nothing_makes_no_event(history: History) -> None:
    _, changes, _ = history
    held: dict[tuple[str, str], dict[str, Any]] = {}
    for one in changes:
        events = translate(one)
        for event in events:
            was = held.get((event.SUBJECT, event.id))
            now = content(event)
            is_read = one.operation is Operation.READ
            if event.EFFECT is Effect.STATE and (was is None or is_read):
                assert event.changed == sorted(n for n, v in now.items() if v is not None)
            elif was is not None and event.EFFECT is Effect.STATE:
                assert event.changed == sorted(n for n in now if now[n] != was[n])
                # a row of nothing but nulls isn't trusted: it makes an event all the same
                assert event.changed or not any(v is not None for v in was.values())
        held = {**held, **fold(events)}
        for event in events:
            if event.EFFECT is Effect.REMOVAL:
                held.pop((event.SUBJECT, event.id), None)


def test_every_event_type_has_a_translation_that_makes_it() -> None:
    subjects = {translation.state.SUBJECT for translation in TRANSLATIONS} | {"streaming"}
    assert subjects == {event_type.SUBJECT for event_type in EVENT_TYPES}
    for event_type in EVENT_TYPES:
        if event_type.SUBJECT == "streaming":
            twin = next(e for e in EVENT_TYPES if e.SUBJECT == "download")
            assert state_fields(event_type) == state_fields(twin)


def test_an_event_made_here_is_like_one_from_its_constructor() -> None:
    (event,) = translate(change("track", Operation.INSERT, after={"id": "1", "title": "T"}))
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    assert event == TrackAdded(**values)
    assert event.event_id == "master.public.track/2/7/0"
    assert hash(event.event_id)
    with pytest.raises(AttributeError):
        event.id = "2"  # type: ignore[misc]


def test_origin_names_the_change_and_the_message() -> None:
    (event,) = translate(
        change("track", Operation.INSERT, after={"id": "1", "message_id": "feed:1", "bpm": 3})
    )
    origin = event.origin
    assert (origin.table, origin.position, origin.transaction) == ("track", "A-B", "759")
    assert origin.message == "feed:1"
    assert origin.committed_at is None


def test_origin_keeps_when_and_only_a_text_as_message() -> None:
    instant = datetime(2026, 1, 2, tzinfo=UTC)
    after = {"id": "1", "message_id": UNCHANGED}
    made = change("track", Operation.INSERT, after=after)._replace(committed_at=instant)
    (event,) = translate(made)
    assert (event.origin.committed_at, event.origin.message) == (instant, None)
    (gone,) = translate(change("track", Operation.DELETE, {"id": "1", "message_id": "m"}))
    assert gone.origin.message == "m"


def test_a_deals_unchanged_value_comes_from_before() -> None:
    before = {"id": "1", "use_type": "Download", "release_id": "r", "track_id": "t"}
    after = {"id": "1", "use_type": "Download", "release_id": UNCHANGED, "track_id": "u"}
    (event,) = translate(change("deal", Operation.UPDATE, before, after))
    assert isinstance(event, DownloadOfferChanged)
    assert (event.release_id, event.changed) == ("r", ["track_id"])


def types_of(events: list[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


def test_a_change_of_columns_that_no_event_carries_makes_no_event() -> None:
    before = {"id": "1", "title": "T", "message_id": "m1", "updated_at": 1}
    after = {"id": "1", "title": "T", "message_id": "m2", "updated_at": 2}
    assert translate(change("track", Operation.UPDATE, before, after)) == []


def test_a_field_set_to_null_without_a_trusted_before_is_still_an_event() -> None:
    (event,) = translate(change("track", Operation.UPDATE, {"id": "1"}, {"id": "1"}))
    assert (type(event), event.changed) == (TrackUpdated, [])


def test_an_unchanged_value_comes_from_before_or_parks() -> None:
    after = {"id": "1", "title": UNCHANGED, "url": "u2"}
    (event,) = translate(change("track", Operation.UPDATE, {"id": "1", "title": "T"}, after))
    assert isinstance(event, TrackUpdated)
    assert (event.title, event.changed) == ("T", ["url"])
    null = {"id": "1", "title": None, "url": "u1"}
    for before in (None, {"id": "1"}, null, {"id": "1", "title": UNCHANGED, "url": "u1"}):
        with pytest.raises(Untranslatable, match=r"track\.title did not change"):
            translate(change("track", Operation.UPDATE, before, after))


def test_a_removal_leaves_out_what_capture_left_out() -> None:
    before = {"id": "1", "title": UNCHANGED, "url": "u"}
    (event,) = translate(change("track", Operation.DELETE, before))
    assert isinstance(event, TrackRemoved)
    assert (event.title, event.url, event.changed) == (None, "u", [])


@pytest.mark.parametrize(
    ("was", "now", "event_types"),
    [
        ("active", "active", []),
        ("active", "taken_down", [ReleaseTakenDown]),
        ("taken_down", "active", [ReleaseUpdated]),
        ("active", "purged", [ReleasePurged]),
        ("purged", "purged", []),
        ("purged", "active", [ReleaseAdded]),
        ("purged", None, [ReleaseAdded]),
        ("purged", "taken_down", [ReleaseTakenDown]),
    ],
)
def test_a_releases_status_decides(was: str, now: str, event_types: list[type[Event]]) -> None:
    events = translate(
        change("release", Operation.UPDATE, {"id": "1", "status": was}, {"id": "1", "status": now})
    )
    assert types_of(events) == event_types


def test_a_release_that_is_removed() -> None:
    gone = change("release", Operation.DELETE, {"id": "1", "status": "active", "title": "T"})
    (event,) = translate(gone)
    assert isinstance(event, ReleasePurged)
    assert (event.title, event.changed) == ("T", [])
    assert translate(change("release", Operation.DELETE, {"id": "1", "status": "purged"})) == []
    assert types_of(translate(change("release", Operation.DELETE, None))) == [ReleasePurged]


def test_a_release_that_a_snapshot_reads_is_new_whatever_it_was() -> None:
    row = {"id": "1", "status": "active", "title": "T"}
    (event,) = translate(change("release", Operation.READ, row, row))
    assert (type(event), event.changed) == (ReleaseAdded, ["status", "title"])


def test_a_releases_unchanged_value_comes_from_before() -> None:
    before = {"id": "1", "status": "active", "title": "T"}
    after = {"id": "1", "status": "purged", "title": UNCHANGED}
    (event,) = translate(change("release", Operation.UPDATE, before, after))
    assert isinstance(event, ReleasePurged)
    assert (event.title, event.changed) == ("T", ["status"])


@pytest.mark.parametrize("operation", [Operation.INSERT, Operation.READ])
def test_a_deal_that_comes_is_on_one_side(operation: Operation) -> None:
    after = {"id": "1", "use_type": "Download", "release_id": "r"}
    (event,) = translate(change("deal", operation, after=after))
    assert (type(event), event.changed) == (DownloadOffered, ["release_id", "use_type"])


def test_a_deal_that_goes_leaves_the_side_where_it_was() -> None:
    before = {"id": "1", "use_type": "OnDemandStream", "release_id": "r"}
    (event,) = translate(change("deal", Operation.DELETE, before))
    assert isinstance(event, StreamingRightWithdrawn)
    assert (event.release_id, event.event_id) == ("r", "master.public.deal/2/7/0")
    both = translate(change("deal", Operation.DELETE, None))
    assert [event.event_id[-2:] for event in both] == ["/0", "/1"]


def test_a_deal_moves_between_download_and_streaming() -> None:
    before = {"id": "1", "use_type": "PermanentDownload", "release_id": "r"}
    after = {"id": "1", "use_type": "OnDemandStream", "release_id": "r"}
    withdrawn, granted = translate(change("deal", Operation.UPDATE, before, after))
    assert types_of([withdrawn, granted]) == [DownloadWithdrawn, StreamingRightGranted]
    assert withdrawn.event_id.endswith("/0")
    assert granted.event_id.endswith("/1")
    assert granted.changed == ["release_id", "use_type"]
    assert isinstance(withdrawn, DownloadWithdrawn)
    assert withdrawn.use_type == "PermanentDownload"


def test_a_deal_without_a_known_before_leaves_no_ghost_on_the_other_side() -> None:
    after = {"id": "1", "use_type": "Download"}
    events = translate(change("deal", Operation.UPDATE, None, after))
    assert types_of(events) == [StreamingRightWithdrawn, DownloadOffered]
    events = translate(change("deal", Operation.DELETE, {"id": "1"}))
    assert types_of(events) == [DownloadWithdrawn, StreamingRightWithdrawn]


def test_prices_compare_by_value() -> None:
    before = {"id": "1", "use_type": "Download", "prices": [{"amount": Decimal("0.990")}]}
    after = {"id": "1", "use_type": "Download", "prices": [{"amount": "0.99"}]}
    assert translate(change("deal", Operation.UPDATE, before, after)) == []
    after["prices"] = [{"amount": 1, "code": None, "unknown": 1}]
    (event,) = translate(change("deal", Operation.UPDATE, before, after))
    assert isinstance(event, DownloadOfferChanged)
    assert event.prices == [Price(amount=Decimal(1))]


def test_a_price_is_carried_whole() -> None:
    text = {"currency": "GBP", "code": "A", "namespace": "n", "kind": "retail"}
    assert prices_of([{"amount": "0.000001", **text}, {"amount": 10**11}]) == [
        Price(amount=Decimal("0.000001"), **text),
        Price(amount=Decimal(10**11)),
    ]


def test_a_row_after_that_is_missing_is_named() -> None:
    with pytest.raises(Untranslatable, match="track: insert without a row after"):
        translate(change("track", Operation.INSERT))


@pytest.mark.parametrize(
    ("prices", "reason"),
    [
        ({}, "prices are a list, not dict"),
        (["1"], "a price is an object"),
        ([{"amount": "x"}], "a number, not 'x'"),
        ([{"amount": True}], "a number, not True"),
        ([{"amount": [1]}], r"a number, not \[1\]"),
        ([{"amount": "NaN"}], "12 digits"),
        ([{"amount": 10**12}], "12 digits"),
        ([{"amount": "0.0000001"}], "6 digits"),
        ([{"currency": 1}], "currency of a price is a text"),
    ],
)
def test_a_price_that_no_event_can_carry_is_named(prices: object, reason: str) -> None:
    after = {"id": "1", "prices": prices}
    with pytest.raises(Untranslatable, match=rf"deal\.prices: .*{reason}"):
        translate(change("deal", Operation.INSERT, after=after))
    # what it was before only spoils what is known of before
    gone = change("deal", Operation.DELETE, after)._replace(after=None)
    assert len(translate(gone)) == 2


def test_a_table_without_translation_is_named() -> None:
    with pytest.raises(Untranslatable, match="ern_message"):
        translate(change("ern_message", Operation.INSERT, after={"id": "1"}))

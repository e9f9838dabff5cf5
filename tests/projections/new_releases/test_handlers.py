"""Events in, rows out: what is new, from which day on, and what is not there any more."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from domain.events import EVENT_TYPES, Event
from projections.new_releases import NEW_RELEASES
from projections.read_model import REMOVED
from tests.projections.catalog.test_handlers import frame

BY_SUBJECT = {projection.subject: projection for projection in NEW_RELEASES.projections}
READ = [event for event in EVENT_TYPES if event.SUBJECT in BY_SUBJECT]
GONE = {"ReleaseTakenDown", "ReleasePurged", "LabelRemoved"}
LATE = datetime(2026, 5, 1, 23, 30, tzinfo=timezone(-timedelta(hours=2)))
"""The evening of the first of May in the Atlantic, the second in UTC."""


def rows(name: str, *states: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows that the handler of an event type makes of events with these states."""
    event = next(one for one in READ if one.__name__ == name)
    return BY_SUBJECT[event.SUBJECT].handlers[name](frame(event, list(states))).to_dicts()


def test_every_event_of_both_topics_has_a_handler() -> None:
    assert NEW_RELEASES.topics == ("catalog.label", "catalog.release")
    named = {name for projection in BY_SUBJECT.values() for name in projection.handlers}
    assert named == {event.__name__ for event in READ}


@pytest.mark.parametrize("event", READ, ids=lambda e: str(e.__name__))
def test_rows_of_each_event_type(event: type[Event]) -> None:
    projection = BY_SUBJECT[event.SUBJECT]
    handler = projection.handlers[event.__name__]
    made = handler(frame(event, [{"id": "a"}, {"id": "b"}]))
    assert made.columns == [column.name for column in projection.sql.columns] + [REMOVED]
    assert made["id"].to_list() == ["a", "b"]
    assert made["event_offset"].to_list() == [0, 1]
    assert made[REMOVED].to_list() == [event.__name__ in GONE] * 2
    assert handler(frame(event, [])).schema == made.schema


@pytest.mark.parametrize(
    ("released", "added", "day"),
    [
        (date(2026, 4, 30), LATE, date(2026, 4, 30)),
        (None, LATE.astimezone(UTC), date(2026, 5, 2)),
        (None, None, None),
    ],
    ids=["as the sender says", "else when it was listed", "unknown"],
)
def test_the_day_of_a_release(released: date | None, added: datetime | None, day: object) -> None:
    state = {"id": "r", "label_id": "l", "original_release_date": released, "added_at": added}
    (row,) = rows("ReleaseAdded", state)
    assert (row["day"], row["label_id"]) == (day, "l")


def test_a_release_that_is_taken_down_is_gone_until_it_is_back() -> None:
    assert rows("ReleaseTakenDown", {"id": "r", "status": "taken_down"})[0][REMOVED] is True
    (back,) = rows("ReleaseUpdated", {"id": "r", "status": "active", "title": "Again"})
    assert (back[REMOVED], back["title"]) == (False, "Again")

"""What is told of a row, with a log, without one, and where the log doesn't answer."""

import json
from dataclasses import replace
from typing import Any

import msgspec

from adapters.api import shapes
from adapters.api.handlers import LOOK_BACK
from adapters.event_log.connection import KafkaFailed
from adapters.event_log.history import SearchLimits
from adapters.explanation.events import ExplainedEvent
from adapters.explanation.explanation import LOG_AWAY, ROW_ONLY, Explanation, WrittenBy, of_row
from adapters.explanation.history import History
from projections.ports.event_log import Bounds
from tests.adapters.api.asgi import Database, api, ask_once

ROW = json.dumps(
    {"id": "T", "title": "Song", "event_id": "e", "event_partition": 2, "event_offset": 7}
)
EVENT = ExplainedEvent(
    offset=7,
    written_at=None,
    type="TrackAdded",
    schema={"id": 1, "version": 1},
    changed=["title"],
    changes={"title": {"after": "Song"}},
    origin={"table": "track"},
    state={"title": "Song"},
)


def test_a_row_knows_which_event_wrote_it() -> None:
    told = of_row("track", "T", ROW)
    assert told.row == {"id": "T", "title": "Song"}
    assert told.written_by == WrittenBy("e", "catalog.track", 2, 7)
    assert (told.topic, told.partition, told.complete) == ("catalog.track", 2, False)


def test_a_row_that_is_gone_still_has_its_topic() -> None:
    told = of_row("track", "T", None)
    assert (told.row, told.written_by, told.topic) == (None, None, "catalog.track")
    assert json.loads(told.as_json())["row"] is None


def test_a_history_that_begins_with_a_change_lacks_something() -> None:
    change = ExplainedEvent(**{**EVENT, "type": "TrackUpdated"})
    taken_down = ExplainedEvent(**{**EVENT, "type": "ReleaseTakenDown"})
    told = replace(of_row("track", "T", ROW), events=[change, EVENT], complete=True)
    assert not told.begins_in_the_middle
    assert replace(told, events=[change]).begins_in_the_middle
    assert not replace(told, events=[change], complete=False).begins_in_the_middle
    assert not replace(told, events=[change, taken_down]).begins_in_the_middle
    assert not replace(told, events=[]).begins_in_the_middle


def _asked(history: History | None) -> Any:
    answer = ask_once(api(Database([(1, ROW)]), history=history), "/v1/explain/track/T")
    assert answer.status == 200, answer.body
    return msgspec.json.decode(answer.body, type=shapes.Explanation)


def test_the_api_tells_the_events_that_the_log_has() -> None:
    def history(told: Explanation, limits: SearchLimits) -> Explanation:
        assert limits == LOOK_BACK
        return replace(told, events=[EVENT], complete=True, scanned=Bounds(0, 8))

    told = _asked(history)
    assert [event.changes for event in told.events] == [{"title": {"after": "Song"}}]
    assert (told.complete, told.scanned.from_, told.scanned.to, told.note) == (True, 0, 8, None)


def test_the_row_is_told_where_the_log_is_away_or_unknown() -> None:
    def history(told: Explanation, limits: SearchLimits) -> Explanation:
        raise KafkaFailed("as a test wants it")

    assert (_asked(history).note, _asked(None).note) == (LOG_AWAY, ROW_ONLY)
    assert _asked(None).written_by.offset == 7

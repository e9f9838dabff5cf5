"""Events as an explanation shows them."""

import json
from datetime import UTC, datetime

import pytest

from adapters.event_log.avro.encoder import AvroEventEncoder
from adapters.event_log.tail import Record
from adapters.explanation.events import EventExplainer, state_fields, with_changes
from domain.events import Origin
from domain.events.track import TrackAdded, TrackRemoved, TrackState, TrackUpdated
from domain.schemas import contract_of
from tests.adapters.event_log.avro.dictionary import DictionaryRegistry

AT = datetime(2026, 1, 2, tzinfo=UTC)
ORIGIN = Origin(table="track", position="0/1", transaction="7", committed_at=AT, message="m1")


@pytest.fixture
def registry() -> DictionaryRegistry:
    """All contracts."""
    return DictionaryRegistry()


def record(registry: DictionaryRegistry, offset: int, event: TrackState) -> Record:
    """The event as it is in the log."""
    encoder = AvroEventEncoder(registry)
    encoder.prepare([type(event)])
    return Record("catalog.track", 0, offset, AT, b"t", encoder.encode(event))


def track(kind: type[TrackState], title: str | None, changed: list[str], number: int) -> TrackState:
    """An event of the track t."""
    return kind(
        event_id=f"s/0/{number}/0", id="t", origin=ORIGIN, changed=changed, title=title,
        duration_ms=None if title is None else 1000,
    )  # fmt: skip


def test_what_changed_from_what_by_which_contract(registry: DictionaryRegistry) -> None:
    events = [
        track(TrackAdded, "A", ["duration_ms", "title"], 0),
        track(TrackUpdated, "B", ["title"], 1),
        track(TrackRemoved, "B", [], 2),
    ]
    explainer = EventExplainer(registry)
    shown = [explainer.explained(record(registry, at, event)) for at, event in enumerate(events)][
        ::-1
    ]
    assert [one["type"] for one in shown] == ["TrackRemoved", "TrackUpdated", "TrackAdded"]
    newest = contract_of(TrackUpdated).newest.number
    assert shown[1]["schema"]["version"] == newest
    assert registry.texts[shown[1]["schema"]["id"] or 0] == contract_of(TrackUpdated).newest.text
    assert (shown[1]["origin"]["transaction"], shown[1]["origin"]["message"]) == ("7", "m1")
    assert shown[1]["origin"]["committed_at"] == AT
    assert shown[1]["state"]["title"] == "B"
    assert [one["changes"] for one in with_changes(shown)] == [
        {},
        {"title": {"before": "A", "after": "B"}},
        {"duration_ms": {"after": 1000}, "title": {"after": "A"}},
    ]


def test_a_foreign_contract_has_no_version(registry: DictionaryRegistry) -> None:
    known = record(registry, 0, track(TrackAdded, "A", ["title"], 0))
    schema = json.loads(contract_of(TrackAdded).newest.text)
    schema["doc"] = "somebody else's"
    number = registry.add(json.dumps(schema))
    value = b"\0" + number.to_bytes(4, "big") + (known.value or b"")[5:]
    shown = EventExplainer(registry).explained(Record("catalog.track", 0, 1, AT, b"t", value))
    assert (shown["type"], shown["schema"]) == ("TrackAdded", {"id": number, "version": None})


def test_what_is_no_event_is_shown_with_the_reason(registry: DictionaryRegistry) -> None:
    explainer = EventExplainer(registry)
    junk = explainer.explained(Record("catalog.track", 0, 5, None, b"t", b"junk"))
    good = explainer.explained(record(registry, 6, track(TrackUpdated, "B", ["title"], 1)))
    assert (junk["type"], junk["written_at"]) == ("undecodable", None)
    assert junk["state"]["error"]
    assert [one["changes"] for one in with_changes([good, junk])] == [{"title": {"after": "B"}}, {}]


def test_fields_that_can_be_asked_for() -> None:
    assert {"title", "duration_ms"} <= set(state_fields("track"))
    assert not {"id", "origin", "changed", "event_id"} & set(state_fields("track"))

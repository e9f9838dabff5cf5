"""The checked-in contracts against the code, and against themselves."""

import dataclasses
import json
from typing import Any

import pytest

from domain.events import EVENT_TYPES, Event
from domain.events.download import DownloadOffered
from domain.events.track import TrackAdded
from domain.schemas import (
    Contract,
    Version,
    contract_of,
    contract_problems,
    render,
    schema_of,
)


@pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda event: event.__name__)
def test_contract_is_whole(event_type: type[Event]) -> None:
    assert contract_problems(contract_of(event_type)) == []


@pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda event: event.__name__)
def test_checked_in_text_is_as_rendered(event_type: type[Event]) -> None:
    newest = contract_of(event_type).newest
    assert newest.text == render(newest.schema)


@pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda event: event.__name__)
def test_every_state_field_may_be_absent(event_type: type[Event]) -> None:
    required = {field.name for field in dataclasses.fields(Event)}
    for field in schema_of(event_type)["fields"]:
        assert ("default" in field) == (field["name"] not in required)


def _fields(schema: dict[str, Any]) -> dict[str, Any]:
    return {field["name"]: field for field in schema["fields"]}


def test_schema_carries_names_types_and_documentation() -> None:
    schema = schema_of(DownloadOffered)
    assert (schema["namespace"], schema["name"]) == ("catalog.download", "DownloadOffered")
    assert schema["doc"] == "A download is on offer."
    fields = _fields(schema)
    assert fields["valid_to"]["doc"] == "UTC, exclusive; absent: open end."
    assert "Deterministic" in fields["event_id"]["doc"], "documentation of a base's field"
    price = fields["prices"]["type"][1]["items"]
    assert price["doc"].startswith("An amount or a price code")
    amount = _fields(price)["amount"]
    assert amount["type"][1] == {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 18,
        "scale": 6,
    }
    assert _fields(price)["currency"]["doc"].startswith("ISO 4217")


def _changed(**change: Any) -> dict[str, Any]:
    """The newest schema of TrackAdded with its fields replaced, added, or (None) left out."""
    schema: dict[str, Any] = json.loads(contract_of(TrackAdded).newest.text)
    fields = _fields(schema)
    fields.update({name: {"name": name, **field} for name, field in change.items() if field})
    schema["fields"] = [field for name, field in fields.items() if change.get(name, 1) is not None]
    return schema


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"mood": {"type": "string"}}, "mood: added without a default"),
        ({"event_id": None}, "event_id: removed without a default"),
        ({"title": {"type": ["null", "long"], "default": None}}, "title: type changed from string"),
        ({"title": {"type": "string"}}, "title: type changed from null to string"),
    ],
)
def test_breaking_change_names_version_field_and_reason(
    change: dict[str, Any], problem: str
) -> None:
    (first, *_) = contract_problems(contract_of(TrackAdded), _changed(**change))
    assert first.startswith(
        f"catalog.track.TrackAdded: the code is incompatible with v1: {problem}"
    )


def test_allowed_change_asks_for_a_new_version() -> None:
    grown = _changed(mood={"type": ["null", "string"], "default": None}, url=None)
    (problem,) = contract_problems(contract_of(TrackAdded), grown)
    assert "run `catalog schemas write`" in problem


def test_checked_in_versions_are_held_against_each_other() -> None:
    contract = contract_of(TrackAdded)
    broken = Version(len(contract.versions) + 1, render(_changed(id=None)))
    problems = contract_problems(Contract(TrackAdded, (*contract.versions, broken)))
    assert any("v2 is incompatible with v1: id: removed" in problem for problem in problems)


def test_contract_without_versions_says_what_to_do() -> None:
    empty = Contract(TrackAdded, ())
    assert contract_problems(empty) == [
        "catalog.track.TrackAdded: not published yet: run `catalog schemas write`"
    ]
    assert empty.folder == "track/TrackAdded"
    with pytest.raises(LookupError, match="catalog schemas write"):
        _ = empty.newest
